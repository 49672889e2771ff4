// The frame of a text shows what is written without being asked.
(function () {
  "use strict";
  var button = document.querySelector("button[data-montre]");
  if (!button || !button.form.requestSubmit) { return; }
  function show() { button.form.requestSubmit(button); }
  if (button.getAttribute("data-montre")) { show(); }
  document.getElementById("exemple").addEventListener("change", show);
})();
