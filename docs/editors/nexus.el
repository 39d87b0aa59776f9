;;; nexus.el --- A team of coding agents, in any eglot buffer -*- lexical-binding: t -*-

;; Package-Requires: ((emacs "28.1") (eglot "1.9"))

;;; Commentary:
;; (require 'nexus), then M-x eglot in a file of a git repository and M-x nexus-delegate. See emacs.md beside
;; this file. Changes are flymake diagnostics; accepting one is an edit of the buffer, which undo takes back.

;;; Code:

(require 'eglot)
(require 'seq)

(defgroup nexus nil "A team of coding agents." :group 'tools)
(defcustom nexus-command '("nexus-lsp") "The program." :type '(repeat string))
(defcustom nexus-modes '(python-mode python-ts-mode)
  "Modes that eglot starts NEXUS in; it has one server a mode." :type '(repeat symbol))
(defcustom nexus-settings '(:team "auto") "Settings of section `nexus', as a plist." :type 'plist)

(add-to-list 'eglot-server-programs
             (cons nexus-modes
                   (lambda (&rest _)
                     `(,@nexus-command "serve" "--stdio"
                       :initializationOptions (:ownAsks t ,@nexus-settings)))))

(defun nexus--request (method params)
  "What the server answers; its edits are not asked about again, as the user asked for them."
  (when (fboundp 'eglot--signal-textDocument/didChange) (eglot--signal-textDocument/didChange))
  (let ((eglot-confirm-server-initiated-edits nil))
    (jsonrpc-request (eglot--current-server-or-lose) method params)))

(defun nexus--call (name &rest argument)
  (nexus--request :workspace/executeCommand
                  `(:command ,(concat "nexus." name) :arguments [,(or argument (make-hash-table))])))

(defun nexus--uri () (plist-get (eglot--TextDocumentIdentifier) :uri))

(defun nexus--lines (beg end)
  `(:start (:line ,(1- (line-number-at-pos beg t)) :character 0)
    :end (:line ,(1- (line-number-at-pos end t)) :character 0)))

(cl-defmethod eglot-handle-notification
  (_server (_method (eql nexus/event)) &key type question &allow-other-keys)
  "An ask is said; `nexus-answer' puts it."
  (when (equal type "ask_opened") (message "NEXUS: %s  → M-x nexus-answer" question)))

;;; Runs

(defun nexus--runs (&rest statuses)
  (seq-filter (lambda (run) (or (null statuses) (member (plist-get run :status) statuses)))
              (plist-get (nexus--call "runs") :runs)))

(defun nexus--pick (runs)
  "The id of the one run, or of the one that the user picks."
  (let ((named (mapcar (lambda (run) (cons (format "%s: %s (%s)" (plist-get run :status) (plist-get run :request)
                                                   (plist-get run :runId))
                                           (plist-get run :runId)))
                       runs)))
    (pcase (length named)
      (0 (user-error "There is no such run"))
      (1 (cdar named))
      (_ (cdr (assoc (completing-read "Which run? " named nil t) named))))))

(defun nexus-delegate (request &optional beg end)
  "Give the team a REQUEST; with a region, about these lines."
  (interactive (cons (read-string (if (use-region-p) "Delegate this selection: " "Delegate to the team: "))
                     (when (use-region-p) (list (region-beginning) (region-end)))))
  (apply #'nexus--call "delegate" :request request
         (when beg (list :uris (vector (nexus--uri)) :range (nexus--lines beg end)))))

(defun nexus-answer ()
  "Answer what an agent, or a plan, waits for."
  (interactive)
  (let* ((run (or (seq-find (lambda (run) (> (plist-get run :asksOpen) 0)) (nexus--runs))
                  (user-error "Nobody waits for an answer")))
         (ask (aref (plist-get (nexus--call "run" :runId (plist-get run :runId)) :asks) 0)))
    (nexus--call "answer" :askId (plist-get ask :askId)
                 :answer (completing-read (concat (plist-get ask :question) " ")
                                          (append (plist-get ask :options) nil)))))

(defun nexus-cancel ()
  "Give up a run that is at work."
  (interactive)
  (nexus--call "run.cancel" :runId
               (nexus--pick (nexus--runs "pending" "awaiting_approval" "in_progress" "paused"))))

(defun nexus--page (name text)
  (with-current-buffer (get-buffer-create (format "*nexus %s*" name))
    (let ((inhibit-read-only t))
      (erase-buffer)
      (insert text)
      (goto-char (point-min)))
    (special-mode)
    (display-buffer (current-buffer))))

(defun nexus-runs ()
  "List the runs of this workspace."
  (interactive)
  (nexus--page "runs" (mapconcat (lambda (run)
                                   (format "%s  %s  %d to review  %s\n" (plist-get run :runId) (plist-get run :status)
                                           (plist-get run :changesPending) (plist-get run :request)))
                                 (nexus--runs) "")))

(defun nexus-plan ()
  "Show the plan of a run, and how far it is."
  (interactive)
  (let* ((run (nexus--call "run" :runId (nexus--pick (nexus--runs)))) (plan (plist-get run :plan)))
    (nexus--page "plan" (concat (plist-get run :request) "\n\n" (plist-get plan :summary) "\n\n"
                                (mapconcat (lambda (task)
                                             (format "- %s: %s\n" (plist-get task :agent) (plist-get task :title)))
                                           (plist-get plan :tasks) "")))))

(defun nexus--terminal (name &rest arguments)
  (nexus--page name
               (with-temp-buffer
                 (apply #'process-file (car nexus-command) nil t nil (append (cdr nexus-command) arguments))
                 (buffer-string))))

(defun nexus-transcript () "All that happened in a run." (interactive)
       (nexus--terminal "transcript" "runs" "--transcript" (nexus--pick (nexus--runs))))
(defun nexus-doctor () "Check what NEXUS builds on." (interactive) (nexus--terminal "doctor" "doctor"))

;;; Review

(defun nexus--act (kind &rest more)
  "Run the code actions of KIND on the lines of the region, or of point, as one command."
  (let* ((range (if (use-region-p) (nexus--lines (region-beginning) (region-end)) (nexus--lines (point) (point))))
         (actions (append (nexus--request :textDocument/codeAction
                                          `(:textDocument ,(eglot--TextDocumentIdentifier) :range ,range
                                            :context (:diagnostics [] :only [,kind])))
                          nil))
         (commands (or (mapcar (lambda (action) (plist-get action :command)) actions)
                       (user-error "There is no change of the team here")))
         (argument (copy-sequence (aref (plist-get (car commands) :arguments) 0)))
         (ids (mapcan (lambda (command) (append (plist-get (aref (plist-get command :arguments) 0) :changeIds) nil))
                      commands)))
    (when ids (setq argument (plist-put argument :changeIds (vconcat (seq-uniq ids)))))
    (let ((decided (nexus--request :workspace/executeCommand
                                   `(:command ,(plist-get (car commands) :command)
                                     :arguments [,(append argument more)]))))
      (seq-doseq (refused (plist-get decided :refused)) (message "NEXUS: %s" (plist-get refused :why))))))

(defun nexus-accept (whole-file)
  "Accept the changes at point or in the region; with a prefix, all of the WHOLE-FILE."
  (interactive "P")
  (nexus--act (if whole-file "source.nexus.acceptFile" "quickfix.nexus.accept")))

(defun nexus-reject (whole-file reason)
  "Reject them, with a REASON that the agents hear."
  (interactive (list current-prefix-arg (read-string "Why (may be empty): ")))
  (nexus--act (if whole-file "source.nexus.rejectFile" "quickfix.nexus.reject") :reason reason))

(defun nexus-undo ()
  "Take back the accepted change at point."
  (interactive)
  (nexus--act "quickfix.nexus.undo"))

(defun nexus-next (&optional back)
  "To the next waiting change of this buffer, or with BACK to the one before."
  (interactive "P")
  (let ((lines (sort (seq-uniq (delq nil (mapcar (lambda (change)
                                                   (and (equal (plist-get change :status) "pending")
                                                        (plist-get (plist-get (plist-get change :range) :start) :line)))
                                                 (plist-get (nexus--call "review.list" :uri (nexus--uri)) :changes))))
                     (if back #'> #'<)))
        (here (1- (line-number-at-pos nil t))))
    (unless lines (user-error "No change waits in this file"))
    (goto-char (point-min))
    (forward-line (or (seq-find (lambda (line) (if back (< line here) (> line here))) lines) (car lines)))))

(defun nexus-prev () "To the waiting change before." (interactive) (nexus-next t))

(defun nexus-diff ()
  "What is proposed for this file, beside what is there."
  (interactive)
  (let ((files (plist-get (nexus--call "review.preview" :uri (nexus--uri)) :files)))
    (when (zerop (length files)) (user-error "Nothing waits in this file"))
    (diff (current-buffer) (eglot--uri-to-path (plist-get (aref files 0) :previewUri)) nil t)))

(provide 'nexus)
;;; nexus.el ends here
