(() => {
  "use strict";
  const form = document.getElementById("filters"), root = document.documentElement;
  const fields = [...form.querySelectorAll("select")], count = form.querySelector("output");
  const claims = [...document.querySelectorAll("tbody[data-verdict]")];
  const sections = [...document.querySelectorAll("section[data-milestone]")];
  const apply = () => {
    const asked = fields.filter(field => field.value);
    claims.forEach(claim => { claim.hidden = asked.some(field => claim.dataset[field.name] !== field.value); });
    sections.forEach(section => { section.hidden = !section.querySelector("tbody[data-verdict]:not([hidden])"); });
    if (asked.length) document.querySelectorAll("details.quoted").forEach(quoted => { quoted.open = true; });
    count.textContent = claims.filter(claim => !claim.hidden).length + " of " + claims.length + " claims";
  };
  const read = () => {
    const hash = decodeURIComponent(location.hash.slice(1));
    if (!hash.includes("=")) { // an anchor, which must not lie behind a filter
      const target = hash && document.getElementById(hash);
      if (target && target.closest("[hidden], details.quoted:not([open])")) {
        if (target.closest("[hidden]")) { fields.forEach(field => { field.value = ""; }); apply(); }
        const quoted = target.closest("details.quoted");
        if (quoted) quoted.open = true;
        target.scrollIntoView();
      }
      return;
    }
    const asked = new URLSearchParams(hash);
    fields.forEach(field => { field.value = asked.get(field.name) || ""; if (field.selectedIndex < 0) field.value = ""; });
    apply();
  };
  const keep = () => {
    const asked = new URLSearchParams(fields.filter(field => field.value).map(field => [field.name, field.value]));
    history.replaceState(null, "", "#" + asked);
    apply();
  };
  form.addEventListener("change", keep);
  form.addEventListener("reset", () => setTimeout(keep));
  form.addEventListener("submit", event => event.preventDefault());
  addEventListener("hashchange", read);
  form.hidden = false;
  apply();
  read();

  const theme = document.getElementById("theme"), themes = ["system", "dark", "light"];
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const next = themes[(themes.indexOf(root.dataset.theme || "system") + 1) % themes.length];
    if (next === "system") delete root.dataset.theme; else root.dataset.theme = next;
    theme.textContent = "Theme: " + next;
  });

  document.querySelectorAll(".copy").forEach(button => {
    const code = button.previousElementSibling;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(code); // the keyboard copies it then
        button.textContent = "selected";
      }
    });
  });
})();
