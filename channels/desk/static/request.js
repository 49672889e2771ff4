// The page of a request: goes from one doubtful word to the next, in the text and on the
// image of the page alike.
(function () {
  "use strict";

  var at = -1;

  function both(n) { return document.querySelectorAll('[data-mot="' + n + '"]'); }

  function next() {
    var words = document.querySelectorAll("mark[data-mot]");
    if (words.length === 0) { return; }
    both(at).forEach(function (e) { e.classList.remove("ici"); });
    at = (at + 1) % words.length;
    both(at).forEach(function (e) {
      e.classList.add("ici");
      var frame = e.closest(".page-image");
      if (frame) {
        // Scrolls the image in its frame only: the page stays with the text.
        var box = e.getBoundingClientRect(), outer = frame.getBoundingClientRect();
        frame.scrollTop += box.top - outer.top - frame.clientHeight / 2;
        frame.scrollLeft += box.left - outer.left - frame.clientWidth / 2;
      }
    });
    words[at].scrollIntoView({block: "nearest"});
    words[at].focus({preventScroll: true});
  }

  document.addEventListener("click", function (event) {
    if (event.target.closest && event.target.closest("[data-douteux]")) { next(); }
  });
})();
