// The form of the counter: what a suggestion fills in, and sending by Ctrl + Enter.
(function () {
  "use strict";

  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-fill]");
    if (!button) { return; }
    var fields;
    try { fields = JSON.parse(button.getAttribute("data-fill")); } catch (e) { return; } // then it is posted
    event.preventDefault();
    Object.keys(fields).forEach(function (name) {
      var field = document.getElementById(name);
      // What was just said goes before what is known; the name was typed to be completed.
      if (field && (name === "nom" || field.value.trim() === "")) { field.value = fields[name]; }
    });
    var text = document.getElementById("texte");
    if (text && text.value.trim() === "") { text.focus(); } else { document.querySelector("#nouvelle button").focus(); }
  });

  document.addEventListener("keydown", function (event) {
    var form = event.target.form;
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing || !form || !form.hasAttribute("data-envoi")) { return; }
    event.preventDefault();
    form.requestSubmit();
  });
})();
