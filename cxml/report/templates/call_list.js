// Search and sorting of the call list; without it the list is whole and in its order.
(() => {
  const table = document.querySelector("table.calls");
  const body = table.tBodies[0], rows = [...body.rows], said = table.dataset;

  const search = document.createElement("p");
  const label = document.createElement("label");
  const field = document.createElement("input");
  const count = document.createElement("output");
  search.className = "search";
  label.textContent = said.search;
  field.type = "search";
  field.autocomplete = "off";
  label.append(field);
  search.append(label, count);
  table.before(search);
  const texts = rows.map(row => row.textContent.toLowerCase());
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row, i) => { row.hidden = !words.every(word => texts[i].includes(word)); });
    count.textContent = words.length ? said.found.replace("#", rows.filter(row => !row.hidden).length) : "";
  });

  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, k) => {
    if (!("sort" in head.dataset)) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    const key = row => row.cells[k].dataset.value ?? row.cells[k].textContent;
    const order = new Intl.Collator(document.documentElement.lang, { numeric: true });
    button.addEventListener("click", () => {
      const first = head.dataset.sort;
      const way = head.ariaSort === first ? (first === "ascending" ? "descending" : "ascending") : first;
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", way);
      const sign = way === "ascending" ? 1 : -1;
      const number = rows.every(row => "value" in row.cells[k].dataset);
      const compare = number ? (a, b) => (+key(a) || 0) - (+key(b) || 0) : (a, b) => order.compare(key(a), key(b));
      body.append(...[...rows].sort((a, b) => sign * compare(a, b)));
    });
  });
})();
