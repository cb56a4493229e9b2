// Sets the reader's theme before the first paint; the button goes through system, light, dark.
(() => {
  const root = document.documentElement;
  const order = ["system", "light", "dark"];
  root.classList.add("js");

  function stored() {
    try {
      const theme = localStorage.getItem("frontdesk.theme");
      return order.includes(theme) ? theme : "system";
    } catch {
      return "system"; // storage is forbidden here: the system's theme it is
    }
  }

  function apply(theme) {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
  }

  apply(stored());
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    let theme = stored();
    const label = () => {
      button.textContent = `Theme: ${theme}`;
      button.setAttribute("aria-label", `Theme: ${theme}. Change`);
    };
    label();
    button.hidden = false;
    // On a phone the pages lie side by side: the one that is open has to be seen.
    document.querySelector(".top [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
    button.addEventListener("click", () => {
      theme = order[(order.indexOf(theme) + 1) % order.length];
      try {
        localStorage.setItem("frontdesk.theme", theme);
      } catch {
        // not kept beyond this page
      }
      apply(theme);
      label();
      document.dispatchEvent(new Event("themechange"));
    });
  });
})();
