// Theme, filter, copying, and the paths of the graph. Every page reads well without it.
"use strict";

const root = document.documentElement;

function remembered(key, value) {
  try { // a browser may keep nothing for pages that are files
    if (value !== undefined) localStorage.setItem(key, value);
    return localStorage.getItem(key);
  } catch { return null; }
}

function theme() {
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const show = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remembered("geomdl-theme", root.dataset.theme);
    show();
  });
  system.addEventListener("change", show);
  show();
}

function filter(form) {
  const items = [...document.querySelectorAll("[data-verdict]")].map((element) => ({
    element, verdict: element.dataset.verdict, source: element.dataset.source,
    text: `${element.dataset.text} ${element.textContent}`.toLowerCase(),
  }));
  const groups = [...document.querySelectorAll("[data-group]")];
  const checked = (name) => [...form.querySelectorAll(`input[name=${name}]:checked`)].map((box) => box.value);

  function apply() {
    const words = form.q.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = checked("verdict"), sources = checked("source");
    let shown = 0;
    for (const { element, verdict, source, text } of items) {
      const on = (!verdicts.length || verdicts.includes(verdict)) && (!sources.length || sources.includes(source))
        && words.every((word) => text.includes(word));
      element.hidden = !on;
      shown += on;
    }
    for (const group of groups) group.hidden = !group.querySelector("[data-verdict]:not([hidden])");
    form.querySelector("output").textContent = `${shown} of ${items.length} claims`;
    const address = new URLSearchParams();
    if (words.length) address.set("q", form.q.value);
    for (const value of verdicts) address.append("verdict", value);
    for (const value of sources) address.append("source", value);
    const query = address.toString();
    try { history.replaceState(null, "", (query ? `?${query}` : location.pathname) + location.hash); } catch { /* a file */ }
  }

  const given = new URLSearchParams(location.search);
  form.q.value = given.get("q") || "";
  for (const box of form.querySelectorAll("input[type=checkbox]")) {
    box.checked = given.getAll(box.name).includes(box.value);
  }
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|TEXTAREA/.test(document.activeElement.tagName)) {
      event.preventDefault();
      form.q.focus();
    }
  });
  if (given.size) apply();
  // a link to a claim that the filter hides shows everything again
  addEventListener("hashchange", () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.closest("[hidden]")) { form.reset(); setTimeout(() => target.scrollIntoView()); }
  });
}

function copying(button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = button.dataset.copy || button.parentElement.querySelector("pre").textContent;
    try { await navigator.clipboard.writeText(text); } catch { // not offered to files everywhere
      const area = Object.assign(document.createElement("textarea"), { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    const before = button.textContent;
    button.textContent = "copied";
    setTimeout(() => { button.textContent = before; }, 1200);
  });
}

function paths(svg) {
  const edges = [...svg.querySelectorAll(".edge")];
  const reach = (start, from, to) => {
    const found = new Set([start]);
    for (const id of found) for (const edge of edges) if (edge.dataset[from] === id) found.add(edge.dataset[to]);
    return found;
  };
  const light = (node) => {
    const below = reach(node.id, "to", "from"), above = reach(node.id, "from", "to");
    svg.classList.add("lit");
    for (const each of svg.querySelectorAll(".node")) each.classList.toggle("on", below.has(each.id) || above.has(each.id));
    for (const edge of edges) {
      const { from, to } = edge.dataset;
      edge.classList.toggle("on", (below.has(from) && below.has(to)) || (above.has(from) && above.has(to)));
    }
  };
  for (const node of svg.querySelectorAll(".node")) {
    for (const event of ["mouseenter", "focus"]) node.addEventListener(event, () => light(node));
    for (const event of ["mouseleave", "blur"]) node.addEventListener(event, () => svg.classList.remove("lit"));
  }
}

theme();
document.querySelectorAll("form.filter").forEach(filter);
document.querySelectorAll("button[data-copy]").forEach(copying);
document.querySelectorAll(".graph svg").forEach(paths);
