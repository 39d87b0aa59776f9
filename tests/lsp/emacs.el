;;; What a user does in Emacs, with eglot alone: delegate, look at the diagnostics, accept by a code action,
;;; undo, accept again, save. What was seen goes to the file $NEXUS_REPORT as JSON; test_emacs.py asserts on it.
;;; -*- lexical-binding: t -*-

(require 'package)
(package-initialize)
(require 'eglot)
(require 'json)

(defvar patience 60 "Seconds; a busy machine is slow, not wrong.")
(defvar steps nil)
(defvar asked nil "What Emacs asked the user.")
(defvar offered nil "The last menu of code actions.")

(setq make-backup-files nil create-lockfiles nil eglot-sync-connect 30
      last-nonmenu-event ?a) ; a key and no mouse: eglot asks in the minibuffer

;; The user says yes, and picks the first action that begins with "Accept".
(fset 'y-or-n-p (lambda (prompt) (push prompt asked) t))
(fset 'completing-read
      (lambda (_prompt choices &rest _)
        (setq offered (all-completions "" choices))
        (seq-find (lambda (title) (string-prefix-p "Accept" title)) offered)))

(defun wait-for (what holds)
  (let ((deadline (+ (float-time) patience)))
    (while (not (funcall holds))
      (when (> (float-time) deadline) (error "waited in vain for %s" what))
      (accept-process-output nil 0.05))))

(defun marks ()
  "What flymake shows here of NEXUS."
  (seq-filter (lambda (mark) (string-match-p "nexus" (flymake-diagnostic-text mark)))
              (flymake-diagnostics)))

(defun text () (buffer-substring-no-properties (point-min) (point-max)))

(defun look (step &optional more)
  (push (append `((step . ,step) (text . ,(text)) (modified . ,(if (buffer-modified-p) t :json-false))
                  (marks . ,(vconcat (mapcar
                                      (lambda (mark)
                                        `((line . ,(1- (line-number-at-pos (flymake-diagnostic-beg mark))))
                                          (text . ,(flymake-diagnostic-text mark))))
                                      (marks)))))
                more)
        steps))

(defun tell ()
  "What eglot does when the user rests; a batch Emacs has no idle timers."
  (eglot--signal-textDocument/didChange))

(defun accept (step unused)
  (setq offered nil)
  (undo-boundary)
  (goto-char (flymake-diagnostic-beg (car (marks))))
  (call-interactively 'eglot-code-actions)
  (wait-for (concat step ": the unused import to go") (lambda () (not (string-match-p unused (text)))))
  (tell)
  (wait-for (concat step ": the mark to go") (lambda () (null (marks))))
  (look step `((offered . ,(vconcat offered)))))

(defun session ()
  (let ((unused (regexp-quote (getenv "NEXUS_UNUSED"))) server answer)
    (find-file (getenv "NEXUS_FILE"))
    (setq eglot-server-programs
          `((python-mode . (,(getenv "NEXUS_PYTHON") "-m" "nexus_lsp" "serve" "--stdio"
                            :initializationOptions (:team "local")))))
    (apply #'eglot (eglot--guess-contact))
    (setq server (eglot-current-server))
    (look "open")
    (setq answer (eglot-execute-command server 'nexus.delegate [(:request "Fix the lint findings")]))
    (wait-for "a mark" (lambda () (flymake-start) (marks)))
    (look "proposed" `((delegated . ,(plist-get answer :status))))
    (accept "accept" unused)
    (undo-boundary)
    (setq last-command nil)
    (undo)
    (tell)
    (wait-for "the mark to be back" #'marks)
    (look "undo")
    (accept "accept again" unused)
    (save-buffer)
    (look "save")
    (eglot-shutdown server)))

(let ((failure (condition-case problem (progn (session) "") (error (format "%S" problem)))))
  (unless (string-empty-p failure) (ignore-errors (look "failed")))
  (let ((report `((failure . ,failure) (steps . ,(vconcat (nreverse steps))) (asked . ,(vconcat asked))
                  (log . ,(with-current-buffer "*Messages*" (buffer-string))))))
    (with-temp-file (getenv "NEXUS_REPORT") (insert (json-encode report)))))
