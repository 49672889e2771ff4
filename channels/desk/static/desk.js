// What is quicker with a keyboard. Pages work without it.
(function () {
  "use strict";

  // A key is not ours while somebody writes, or holds another key down for the browser.
  function typing(target) {
    return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) &&
      !/^(checkbox|radio|button|submit|file)$/.test(target.type || "");
  }

  function shown(e) { return e.getClientRects().length > 0 && !e.disabled; }

  // rows are the lines of a list between which j and k go.
  function move(step) {
    var rows = Array.prototype.filter.call(document.querySelectorAll("[data-row]"), shown);
    if (rows.length === 0) { return false; }
    var at = rows.indexOf(document.activeElement);
    var to = at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1);
    rows[to].focus();
    rows[to].scrollIntoView({block: "nearest"});
    return true;
  }

  function openHelp() {
    var d = document.getElementById("raccourcis");
    if (!d || !d.showModal) { return false; }
    if (d.open) { d.close(); } else { d.showModal(); }
    return true;
  }

  // act does what an element is for: fields take the focus, links and buttons are pressed.
  function act(e) {
    if (typing(e)) {
      e.focus();
      if (e.select && e.type !== "select-one") { e.select(); }
    } else {
      e.click();
    }
  }

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) { return; }
    if (event.key === "Escape" && typing(event.target)) {
      event.target.blur();
      return;
    }
    if (typing(event.target)) { return; }
    var done = false;
    if (event.key === "?") {
      done = openHelp();
    } else if (document.querySelector("dialog[open]")) {
      return;
    } else {
      var marked = Array.prototype.filter.call(document.querySelectorAll("[data-key]"), function (e) {
        return e.getAttribute("data-key") === event.key && shown(e);
      });
      if (marked.length > 0) {
        act(marked[0]);
        done = true;
      } else if (event.key === "j" || event.key === "k") {
        done = move(event.key === "j" ? 1 : -1);
      }
    }
    if (done) { event.preventDefault(); }
  });

  document.addEventListener("click", function (event) {
    var e = event.target.closest && event.target.closest("[data-ferme],[data-imprime],[data-coche]");
    if (!e) { return; }
    if (e.hasAttribute("data-ferme")) {
      e.closest("dialog").close();
    } else if (e.hasAttribute("data-imprime")) {
      window.print();
    } else {
      // Ticks all boxes of that name, or none.
      document.querySelectorAll('input[type="checkbox"][name="' + e.getAttribute("data-coche") + '"]').forEach(function (box) {
        box.checked = e.checked;
      });
    }
  });

  // What needs a script is hidden until there is one.
  document.documentElement.classList.add("avec-script");
})();
