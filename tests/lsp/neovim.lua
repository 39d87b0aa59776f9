-- What a user does in Neovim, with nothing but its own LSP client: delegate, look at the diagnostics, accept
-- by a code action, undo, accept again, write. No handler is replaced, so the edits are Neovim's own doing.
-- What was seen goes to the file $NEXUS_REPORT as JSON; test_neovim.py asserts on it.
--
-- Neovim 0.7.2 has `vim.lsp.start_client` and `buf_attach_client`, and no `vim.lsp.start` yet.

local PATIENCE = 60000 -- milliseconds; a busy machine is slow, not wrong
local report = { steps = {}, messages = {}, failure = "" }

local function lines()
  return vim.api.nvim_buf_get_lines(0, 0, -1, false)
end

local function wait(what, holds)
  if not vim.wait(PATIENCE, holds, 20) then
    error("waited in vain for " .. what, 0)
  end
end

-- Neovim tells the user of everything that goes wrong through `vim.notify`.
vim.notify = function(message)
  table.insert(report.messages, message)
end

-- The menu of code actions: the user picks the first that begins with the word.
local offered, word = {}, "Accept"
vim.ui.select = function(items, options, choose)
  offered = vim.tbl_map(options.format_item, items)
  for at, title in ipairs(offered) do
    if vim.startswith(title, word) then
      return choose(items[at], at)
    end
  end
  choose(nil)
end

local function marks()
  return vim.tbl_filter(function(mark)
    return mark.source == "nexus"
  end, vim.diagnostic.get(0))
end

-- One row of the report: what a user has in view after a step.
local function look(step, more)
  local row = { step = step, lines = lines(), modified = vim.bo.modified, marks = {} }
  for _, mark in ipairs(marks()) do
    local lsp = mark.user_data.lsp
    table.insert(row.marks, {
      line = mark.lnum,
      end_line = mark.end_lnum,
      severity = mark.severity,
      message = mark.message,
      code = lsp.code,
      change_id = lsp.data.changeId,
    })
  end
  table.insert(report.steps, vim.tbl_extend("error", row, more or {}))
end

-- `vim.lsp.buf.code_action` as a key would call it: it requests textDocument/codeAction with the diagnostics
-- of the cursor's line, and sends the chosen one's command to workspace/executeCommand.
local function accept(step, unused)
  offered = {}
  vim.api.nvim_win_set_cursor(0, { marks()[1].lnum + 1, 0 })
  vim.lsp.buf.code_action()
  wait(step .. ": the unused import to go", function()
    return not vim.tbl_contains(lines(), unused)
  end)
  wait(step .. ": the mark to go", function()
    return #marks() == 0
  end)
  look(step, { offered = offered })
end

-- The user types in the proposed line, takes theirs, takes that back, and takes the typing back.
local function conflict(unused)
  local function severity(wanted)
    wait("a mark of severity " .. wanted, function()
      return #marks() == 1 and marks()[1].severity == wanted
    end)
  end
  vim.cmd("1substitute/$/ as operating/")
  severity(2)
  look("conflict", { data = marks()[1].user_data.lsp.data })
  vim.cmd("let &undolevels = &undolevels") -- in a script, what follows would be undone together with it
  word = "Take theirs"
  accept("theirs", unused .. " as operating")
  word = "Accept"
  vim.cmd("undo")
  severity(2)
  look("conflict again")
  vim.cmd("undo")
  severity(3)
  look("no conflict")
end

local function session()
  local unused = vim.env.NEXUS_UNUSED
  local stopped
  vim.cmd("edit " .. vim.fn.fnameescape(vim.env.NEXUS_FILE))

  local id = vim.lsp.start_client({
    name = "nexus",
    cmd = { vim.env.NEXUS_PYTHON, "-m", "nexus_lsp", "serve", "--stdio" },
    root_dir = vim.env.NEXUS_ROOT,
    init_options = { team = "local" },
    on_exit = function(code, signal)
      stopped = { code = code, signal = signal }
    end,
  })
  assert(id, "the server did not start")
  local client = vim.lsp.get_client_by_id(id)
  vim.lsp.buf_attach_client(0, id)
  wait("initialize", function()
    return client.initialized
  end)
  report.encoding = client.offset_encoding
  report.commands = client.server_capabilities.executeCommandProvider.commands
  look("open")

  local answer
  client.request("workspace/executeCommand", {
    command = "nexus.delegate",
    arguments = { { request = "Fix the lint findings" } },
  }, function(err, result)
    answer = { err = err, result = result }
  end)
  wait("an answer to nexus.delegate", function()
    return answer
  end)
  assert(not answer.err, vim.inspect(answer.err))
  report.delegated = answer.result
  wait("a mark", function()
    return #marks() > 0
  end)
  local progress
  wait("the end of the run's progress", function()
    progress = client.messages.progress["nexus/" .. answer.result.runId]
    return progress and progress.done
  end)
  report.progress = { title = progress.title, message = progress.message }
  look("proposed")

  accept("accept", unused)

  vim.cmd("undo")
  wait("the mark to be back", function()
    return #marks() > 0
  end)
  look("undo")
  conflict(unused)

  accept("accept again", unused)
  vim.cmd("write")
  look("write")

  vim.lsp.stop_client(id)
  wait("the server's end", function()
    return stopped
  end)
  report.stopped = stopped
end

local ok, failure = xpcall(session, function(problem)
  return type(problem) == "string" and problem or vim.inspect(problem)
end)
if not ok then
  report.failure = failure
  pcall(look, "failed")
end
vim.fn.writefile({ vim.json.encode(report) }, vim.env.NEXUS_REPORT)
vim.cmd("qall!")
