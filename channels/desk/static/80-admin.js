// The frame of a text shows what is written without being asked.
(function () {
  "use strict";
  var button = document.querySelector("button[data-montre]");
  if (!button || !button.form.requestSubmit) { return; }
  function show() { button.form.requestSubmit(button); }
  // After the frame has what it begins with, which would take the place of what is shown.
  if (button.getAttribute("data-montre")) { window.addEventListener("load", show); }
  document.getElementById("exemple").addEventListener("change", show);
})();
