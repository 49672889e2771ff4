// Scans can be dropped into the form, and a form that sends something is sent once.
(function () {
  "use strict";

  document.querySelectorAll("form[data-depot]").forEach(function (form) {
    var input = form.querySelector('input[type="file"]');
    var target = input.closest(".cible");
    var list = form.querySelector("[data-choisis]");
    var depth = 0;

    // Names are foreign: they are only ever texts.
    function tell() {
      list.textContent = "";
      Array.prototype.forEach.call(input.files, function (file) {
        var line = document.createElement("li");
        line.textContent = file.name;
        list.appendChild(line);
      });
      list.hidden = input.files.length < 2;
    }

    function carries(event) {
      return event.dataTransfer && Array.prototype.indexOf.call(event.dataTransfer.types, "Files") >= 0;
    }

    function over(step) {
      depth = Math.max(0, depth + step);
      target.classList.toggle("dessus", depth > 0);
    }

    input.addEventListener("change", tell);
    target.addEventListener("dragenter", function (event) { if (carries(event)) { over(1); } });
    target.addEventListener("dragleave", function (event) { if (carries(event)) { over(-1); } });
    target.addEventListener("dragover", function (event) { if (carries(event)) { event.preventDefault(); } });
    target.addEventListener("drop", function (event) {
      if (!carries(event)) { return; }
      event.preventDefault();
      over(-depth);
      input.files = event.dataTransfer.files;
      tell();
    });
  });

  // A file that misses the form must not replace the page.
  if (document.querySelector("form[data-depot]")) {
    ["dragover", "drop"].forEach(function (kind) {
      window.addEventListener(kind, function (event) {
        if (event.dataTransfer && Array.prototype.indexOf.call(event.dataTransfer.types, "Files") >= 0) { event.preventDefault(); }
      });
    });
  }

  // The server takes a form that is posted twice once. This only saves a wait.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!form.hasAttribute("data-une-fois") || event.submitter && event.submitter.hasAttribute("formaction")) { return; }
    if (form.hasAttribute("data-partie")) {
      event.preventDefault();
      return;
    }
    form.setAttribute("data-partie", "");
    form.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-partie]").forEach(function (form) {
      form.removeAttribute("data-partie");
      form.removeAttribute("aria-busy");
    });
  });
})();
