-- What a user of `docs/editors/nexus.lua` does in Neovim, by its commands alone: delegate, approve the plan,
-- go from change to change, accept one, reject another, undo; a second run is cancelled.
-- What was seen goes to the file $NEXUS_REPORT as JSON; test_neovim_plugin.py asserts on it.

local PATIENCE = 60000 -- milliseconds; a busy machine is slow, not wrong
local report = { steps = {}, told = {}, failure = "" }

local function wait(what, holds)
  if not vim.wait(PATIENCE, holds, 20) then
    error("waited in vain for " .. what, 0)
  end
end

vim.notify = function(message)
  table.insert(report.told, message)
end

local offered = {}
local pick = "Approve"
vim.ui.select = function(items, options, choose)
  local shown = vim.tbl_map(options.format_item or tostring, items)
  table.insert(offered, { prompt = options.prompt, items = shown })
  for at, item in ipairs(shown) do
    if item:find(pick, 1, true) then
      return choose(items[at], at)
    end
  end
  choose(nil)
end
vim.ui.input = function(options, send)
  table.insert(offered, { prompt = options.prompt, items = {} })
  send("Fix the lint findings")
end

local function told(text)
  return function()
    return table.concat(report.told, "\n"):find(text, 1, true)
  end
end

local function marks()
  return vim.tbl_filter(function(mark)
    return mark.source == "nexus"
  end, vim.diagnostic.get(vim.fn.bufnr(vim.env.NEXUS_FILE)))
end

local function virtual()
  local found = {}
  local space = vim.api.nvim_get_namespaces().nexus
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true })) do
    for _, line in ipairs(mark[4].virt_lines or {}) do
      table.insert(found, { mark[2], line[1][1] })
    end
  end
  return found
end

local function look(step, more)
  local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
  local row = { step = step, lines = lines, marks = #marks(), line = vim.fn.line(".") }
  table.insert(report.steps, vim.tbl_extend("error", row, more or {}))
end

local function count(wanted)
  wait(wanted .. " marks", function()
    return #marks() == wanted
  end)
end

-- The text of a page that a command opens, and back.
local function page(command, shows)
  local before = vim.api.nvim_get_current_win()
  vim.cmd(command)
  local text
  wait(command, function()
    text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
    return vim.api.nvim_get_current_win() ~= before and text:find(shows, 1, true)
  end)
  vim.cmd("diffoff! | bwipeout!")
  vim.api.nvim_set_current_win(before)
  report[command] = text
end

local function session()
  vim.opt.runtimepath:append(vim.env.NEXUS_RUNTIME)
  package.path = vim.env.NEXUS_RUNTIME .. "/?.lua;" .. package.path
  require("nexus").setup({
    cmd = { vim.env.NEXUS_PYTHON, "-m", "nexus_lsp" },
    settings = { team = "local", approval = "ask" },
  })
  vim.cmd("edit " .. vim.fn.fnameescape(vim.env.NEXUS_FILE))
  wait("the server", function()
    local c = vim.lsp.get_clients({ name = "nexus" })[1]
    return c and c.initialized
  end)
  vim.cmd("NexusDelegate")
  wait("the question", told("NexusAnswer"))
  page("NexusPlan", "- [ ]")
  vim.cmd("NexusAnswer")
  count(3)
  wait("the end of the progress", told("to review"))
  wait("virtual lines", function()
    return #virtual() > 0
  end)
  look("proposed", { virtual = virtual() })

  page("NexusRuns", "ready")
  page("NexusDiff", "def first")
  page("NexusTranscript", "Fix the lint findings")
  report.completed = vim.fn.getcompletion("NexusTranscript ", "cmdline")

  vim.cmd("normal! gg")
  vim.cmd("NexusNext")
  wait("the second change", function()
    return vim.fn.line(".") > 1
  end)
  look("next")
  vim.cmd("NexusAccept")
  count(2)
  look("accepted")
  vim.cmd("normal! gg")
  vim.cmd("NexusReject keep it, we need it")
  count(1)
  look("rejected")
  vim.cmd("undo")
  count(2)
  look("undone")
  vim.cmd("NexusAccept!")
  count(0)
  look("accepted all")
  vim.cmd("NexusAccept")
  wait("a word on nothing to accept", told("no change of the team here"))
  vim.cmd("NexusPrev")
  wait("a word on nothing to go to", told("no change waits"))
  vim.cmd("silent write")

  vim.cmd("1,2NexusDelegate Fix the lint findings")
  wait("the second run's question", function()
    return #vim.tbl_filter(function(text)
      return text:find("NexusAnswer", 1, true)
    end, report.told) == 2
  end)
  vim.cmd("NexusCancel")
  wait("the cancelled run", told("cancelled"))
  vim.cmd("NexusAnswer")
  wait("a word on nobody asking", told("nobody waits"))
  report.offered = offered
  report.status = require("nexus").status()
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
