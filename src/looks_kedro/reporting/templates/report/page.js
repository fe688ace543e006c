"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Sorting: a button in each heading; the way of the sort stands in aria-sort.
const key = cell => {
  if (!cell) return null;
  const given = cell.dataset.sort ?? cell.textContent.trim().replace("−", "-");
  return given === "–" || given === "" ? null : Number.isNaN(Number(given)) ? given : Number(given);
};
const compare = (a, b) => a === null || b === null ? (a === null) - (b === null)
  : typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), document.documentElement.lang);
const sortBy = (table, heading) => {
  const upward = heading.getAttribute("aria-sort") !== "ascending", column = heading.cellIndex;
  all("th[aria-sort]", table).forEach(one => one.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", upward ? "ascending" : "descending");
  for (const body of table.tBodies) {
    const rows = [...body.rows].map(row => [key(row.cells[column]), row]);
    // What is missing stays at the end, whichever way.
    rows.sort(([a], [b]) => a === null || b === null || upward ? compare(a, b) : compare(b, a));
    body.append(...rows.map(([, row]) => row));
  }
};
for (const table of all("table.sortable")) {
  for (const heading of all("thead th", table)) {
    const button = document.createElement("button");
    button.type = "button";
    button.title = words.sort;
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sortBy(table, heading));
  }
}

// Choosing: what is of another variant or model steps aside; one model alone is open.
const choose = document.querySelector(".choose");
const chosen = () => ({ variant: choose.elements.variant.value, backbone: choose.elements.backbone.value });
const show = () => {
  const { variant, backbone } = chosen();
  for (const one of all(".cell, .variant, .filtered")) {
    const other = (variant && one.dataset.variant !== variant)
      || (backbone && one.dataset.backbone !== undefined && one.dataset.backbone !== backbone);
    one.toggleAttribute("data-out", Boolean(other));
    if (one.matches("details") && variant && backbone) one.open = !other;
  }
};
choose.addEventListener("change", show);
choose.addEventListener("submit", event => event.preventDefault());
const select = (name, value) => {
  const field = choose.elements[name];
  if ([...field.options].some(one => one.value === value)) field.value = value;
};
for (const link of all("a[data-open]")) {
  link.addEventListener("click", () => {
    const [variant, backbone] = link.dataset.open.split(" ");
    select("variant", variant);
    select("backbone", backbone);
    show();
  });
}
// A link to something that steps aside or is folded in brings it back.
const reveal = () => {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const hidden = target && target.closest("[data-out]");
  if (hidden) {
    select("variant", hidden.dataset.variant);
    if (hidden.dataset.backbone) select("backbone", hidden.dataset.backbone);
    show();
  }
  const folded = target && target.closest("details");
  if (folded) folded.open = true;
  if (hidden || folded) target.scrollIntoView();
};
addEventListener("hashchange", reveal);
// Paper has no folds and no chooser: everything is printed, whatever the screen shows.
let folded = [];
addEventListener("beforeprint", () => {
  all("[data-out]").forEach(one => one.removeAttribute("data-out"));
  folded = all("#reliance details:not([open])");
  folded.forEach(one => { one.open = true; });
});
addEventListener("afterprint", () => { folded.forEach(one => { one.open = false; }); show(); });
choose.hidden = false;
show();
reveal();

// Enlarging: a dialog, which Esc closes; the focus goes back to the picture by itself.
const dialog = document.querySelector("dialog");
for (const picture of all(".shot img")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "zoom";
  button.title = words.enlarge;
  picture.replaceWith(button);
  button.append(picture);
  button.addEventListener("click", () => {
    const large = new Image();
    large.src = picture.src;
    large.alt = picture.alt;
    large.className = picture.width && picture.naturalWidth > 400 ? "" : "small";
    dialog.querySelector(".shown").replaceChildren(large);
    const told = button.parentElement.querySelector("figcaption");
    dialog.querySelector(".told").textContent = [picture.alt, told && told.textContent].filter(Boolean).join(" · ");
    dialog.showModal();
  });
}
dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener("close", () => dialog.querySelector(".shown").replaceChildren());
