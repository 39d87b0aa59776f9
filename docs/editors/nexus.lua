-- NEXUS in Neovim 0.10 or newer: one file, nothing else needed. See neovim.md beside it.
--
--   require("nexus").setup({ settings = { approval = "ask" } })   -- the settings of section `nexus`
--
-- Changes are diagnostics with virtual lines; accepting one is an edit of the buffer, which `u` takes back.

local M = { options = { cmd = { "nexus-lsp" }, settings = {}, virtual_lines = true } }
local marks = vim.api.nvim_create_namespace("nexus")
local progress = {} ---@type table<integer|string, string> token → what is being done

-- On one line, or Neovim would wait for a key.
local function tell(text, level, hint)
  local room = vim.v.echospace - #"NEXUS: " - vim.fn.strdisplaywidth(hint or "")
  if vim.fn.strdisplaywidth(text) > room then
    text = vim.fn.strcharpart(text, 0, math.max(room - 1, 20)) .. "…"
  end
  vim.notify("NEXUS: " .. text .. (hint or ""), level or vim.log.levels.INFO)
end

-- The server --------------------------------------------------------------------------------------------

local function client()
  local found = vim.lsp.get_clients({ name = "nexus", bufnr = 0 })[1] or vim.lsp.get_clients({ name = "nexus" })[1]
  if not found then
    tell("it is not running: open a file of a git repository first", vim.log.levels.WARN)
  end
  return found
end

-- Ask the server; `done` gets the answer, the user a sentence where there is none.
local function request(method, params, done)
  local c = client()
  if not c then
    return
  end
  local function answered(err, result)
    if err then
      tell(err.message, vim.log.levels.ERROR)
    elseif done then
      done(result)
    end
  end
  if vim.fn.has("nvim-0.11") == 1 then
    c:request(method, params, answered, 0)
  else
    c.request(method, params, answered, 0)
  end
end

local function command(name, argument, done)
  local arguments = { next(argument) and argument or vim.empty_dict() }
  request("workspace/executeCommand", { command = "nexus." .. name, arguments = arguments }, done)
end

local function start(buffer)
  local root = vim.bo[buffer].buftype == "" and vim.fs.root(buffer, ".git")
  if not root or vim.api.nvim_buf_get_name(buffer) == "" then
    return
  end
  vim.lsp.start({
    name = "nexus",
    cmd = vim.list_extend(vim.deepcopy(M.options.cmd), { "serve", "--stdio" }),
    root_dir = root,
    init_options = { ownAsks = true },
    settings = { nexus = M.options.settings },
    handlers = {
      ["nexus/event"] = function(_, event)
        if event.type == "ask_opened" then
          tell(event.question, vim.log.levels.WARN, "  → :NexusAnswer")
        end
      end,
    },
  }, { bufnr = buffer })
end

-- Runs --------------------------------------------------------------------------------------------------

local AT_WORK = { "pending", "awaiting_approval", "in_progress", "paused" }

-- The run that is meant: the one named, the only one there is, or the one the user picks.
local function with_run(given, statuses, done)
  command("runs", {}, function(answer)
    local fitting = vim.tbl_filter(function(run)
      return given ~= "" and run.runId == given or given == "" and (not statuses or vim.tbl_contains(statuses, run.status))
    end, answer.runs)
    if #fitting == 0 then
      tell(given ~= "" and "there is no run " .. given or "there is no such run", vim.log.levels.WARN)
    elseif #fitting == 1 then
      done(fitting[1])
    else
      local shown = function(run)
        return ("%s  %s  (%d waiting)"):format(run.status, run.request, run.changesPending)
      end
      vim.ui.select(fitting, { prompt = "Which run?", format_item = shown }, function(run)
        return run and done(run)
      end)
    end
  end)
end

local function page(name, lines, filetype)
  vim.cmd("botright new")
  vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(table.concat(lines, "\n"), "\n"))
  vim.bo.buftype, vim.bo.bufhidden, vim.bo.swapfile, vim.bo.modifiable = "nofile", "wipe", false, false
  vim.bo.filetype = filetype or ""
  vim.api.nvim_buf_set_name(0, ("nexus://%s/%d"):format(name, vim.api.nvim_get_current_buf()))
  vim.keymap.set("n", "q", "<cmd>close<cr>", { buffer = true })
end

local function terminal(...)
  vim.cmd("botright new")
  vim.fn[vim.fn.has("nvim-0.11") == 1 and "jobstart" or "termopen"](
    vim.list_extend(vim.deepcopy(M.options.cmd), { ... }),
    vim.fn.has("nvim-0.11") == 1 and { term = true, cwd = vim.fs.root(vim.fn.bufnr("#"), ".git") } or nil
  )
end

local function plan_lines(run)
  local lines = { "# " .. run.request, "", run.plan and run.plan.summary or "There is no plan yet.", "" }
  for _, task in ipairs(run.tasks) do
    table.insert(lines, ("- [%s] %s: %s (%s)"):format(task.status == "completed" and "x" or " ", task.agentId, task.title, task.status))
  end
  if #run.tasks == 0 and run.plan then
    for _, task in ipairs(run.plan.tasks) do
      table.insert(lines, ("- [ ] %s: %s"):format(task.agent, task.title))
    end
  end
  return lines
end

local function delegate(given)
  local buffer, range = vim.uri_from_bufnr(0), nil
  if given.range > 0 then
    range = { start = { line = given.line1 - 1, character = 0 }, ["end"] = { line = given.line2, character = 0 } }
  end
  local function send(text)
    if text and vim.trim(text) ~= "" then
      command("delegate", { request = text, uris = range and { buffer } or nil, range = range })
    end
  end
  if given.args ~= "" then
    send(given.args)
  else
    vim.ui.input({ prompt = range and "Delegate this selection: " or "Delegate to the team: " }, send)
  end
end

-- One open ask after the other is a matter of calling this again.
local function answer(given)
  command("runs", {}, function(listed)
    for _, run in ipairs(listed.runs) do
      if run.asksOpen > 0 then
        return command("run", { runId = run.runId }, function(detail)
          local ask = detail.asks[1]
          local function send(chosen)
            if chosen and chosen ~= "" then
              command("answer", { askId = ask.askId, answer = chosen })
            end
          end
          if given.args ~= "" then
            send(given.args)
          elseif #ask.options > 0 then
            vim.ui.select(ask.options, { prompt = ask.question }, send)
          else
            vim.ui.input({ prompt = ask.question .. " " }, send)
          end
        end)
      end
    end
    tell("nobody waits for an answer")
  end)
end

-- Review ------------------------------------------------------------------------------------------------

-- Run all code actions of a kind on these lines as one command, so that they are one edit and one undo.
local function act(kind, given, more)
  local params = {
    textDocument = { uri = vim.uri_from_bufnr(0) },
    range = { start = { line = given.line1 - 1, character = 0 }, ["end"] = { line = given.line2 - 1, character = 0 } },
    context = { diagnostics = {}, only = { kind } },
  }
  request("textDocument/codeAction", params, function(actions)
    if not actions or #actions == 0 then
      return tell("there is no change of the team here", vim.log.levels.WARN)
    end
    local argument, ids = vim.deepcopy(actions[1].command.arguments[1]), {}
    for _, action in ipairs(actions) do
      vim.list_extend(ids, action.command.arguments[1].changeIds or {})
    end
    argument.changeIds = argument.changeIds and vim.fn.uniq(vim.fn.sort(ids)) or nil
    local name = actions[1].command.command:gsub("^nexus%.", "")
    command(name, vim.tbl_extend("force", argument, more or {}), function(decided)
      for _, refused in ipairs(decided.refused or {}) do
        tell(refused.why, vim.log.levels.WARN)
      end
    end)
  end)
end

-- To the next waiting change (or the one before), in this file or another.
local function go(step)
  command("review.list", { grouped = false }, function(listed)
    local here = { vim.uri_from_bufnr(0), vim.api.nvim_win_get_cursor(0)[1] - 1 }
    local function place(change)
      return { change.uri, change.range.start.line }
    end
    local function before(a, b)
      return a[1] < b[1] or a[1] == b[1] and a[2] < b[2]
    end
    local places = vim.tbl_map(place, vim.tbl_filter(function(change)
      return change.status == "pending" and type(change.range) == "table" and change.kind ~= "create"
    end, listed.changes))
    table.sort(places, function(a, b)
      return step > 0 and before(a, b) or step < 0 and before(b, a)
    end)
    for _, there in ipairs(places) do
      if step > 0 and before(here, there) or step < 0 and before(there, here) then
        return M.visit(there)
      end
    end
    if #places == 0 then
      return tell("no change waits")
    end
    M.visit(places[1])
  end)
end

function M.visit(place)
  local buffer = vim.uri_to_bufnr(place[1])
  vim.bo[buffer].buflisted = true
  vim.cmd.normal({ "m'", bang = true })
  vim.api.nvim_win_set_buf(0, buffer)
  vim.api.nvim_win_set_cursor(0, { math.min(place[2] + 1, vim.api.nvim_buf_line_count(buffer)), 0 })
end

local function diff()
  command("review.preview", { uri = vim.uri_from_bufnr(0) }, function(answer_)
    local file = answer_.files[1]
    if not file or type(file.previewUri) ~= "string" then
      return tell("nothing waits in this file")
    end
    vim.cmd("rightbelow vertical diffsplit " .. vim.fn.fnameescape(vim.uri_to_fname(file.previewUri)))
  end)
end

-- What is proposed, as virtual lines below what it replaces.
local function draw(buffer)
  local shown = {}
  for _, mark in ipairs(vim.diagnostic.get(buffer)) do
    local data = vim.tbl_get(mark, "user_data", "lsp", "data")
    if mark.source == "nexus" and data and data.editRange then
      shown[data.changeId] = data.editRange
    end
  end
  local function put(changes)
    if not vim.api.nvim_buf_is_loaded(buffer) then
      return
    end
    vim.api.nvim_buf_clear_namespace(buffer, marks, 0, -1)
    local last = vim.api.nvim_buf_line_count(buffer) - 1
    for _, change in ipairs(changes) do
      local range = shown[change.id]
      if range and range.start.line <= last then
        local first, past = range.start.line, range["end"].line
        if range["end"].character > 0 then
          past = past + 1
        end
        if past > first then
          vim.api.nvim_buf_set_extmark(buffer, marks, first, 0, { end_row = math.min(past, last + 1), hl_group = "DiffDelete", hl_eol = true, strict = false })
        end
        local lines = vim.split(change.after, "\r?\n")
        if lines[#lines] == "" then
          table.remove(lines)
        end
        vim.api.nvim_buf_set_extmark(buffer, marks, math.min(math.max(past - 1, 0), last), 0, {
          virt_lines_above = past == 0,
          virt_lines = vim.tbl_map(function(line)
            return { { line, "DiffAdd" } }
          end, lines),
        })
      end
    end
  end
  if next(shown) == nil then
    return put({})
  end
  command("review.list", { uri = vim.uri_from_bufnr(buffer), grouped = false }, function(listed)
    put(listed.changes)
  end)
end

-- Progress ----------------------------------------------------------------------------------------------

local function heard(event)
  local c = vim.lsp.get_client_by_id(event.data.client_id)
  local params = event.data.params
  if not c or c.name ~= "nexus" or not params then
    return
  end
  local value = params.value
  if value.kind == "end" then
    progress[params.token] = nil
    tell(value.message or "done")
  else
    progress[params.token] = value.message or value.title
    if value.kind == "begin" then
      tell(value.title:gsub("^NEXUS: ", "at work: "))
    end
  end
  vim.cmd.redrawstatus()
end

-- What the team does right now, for a statusline: `%{v:lua.require'nexus'.status()}`.
function M.status()
  return table.concat(vim.tbl_values(progress), " · ")
end

-- Commands ----------------------------------------------------------------------------------------------

local function run_ids(_, line)
  local c = vim.lsp.get_clients({ name = "nexus" })[1]
  local params = { command = "nexus.runs", arguments = { vim.empty_dict() } }
  local got = c and (vim.fn.has("nvim-0.11") == 1 and c:request_sync("workspace/executeCommand", params, 1000)
    or c.request_sync("workspace/executeCommand", params, 1000))
  local typed = line:match("(%S*)$")
  return vim.tbl_filter(function(id)
    return vim.startswith(id, typed)
  end, vim.tbl_map(function(run)
    return run.runId
  end, got and got.result and got.result.runs or {}))
end

local function of_run(statuses, done)
  return function(given)
    with_run(given.args, statuses, done)
  end
end

local COMMANDS = {
  Delegate = { delegate, { nargs = "*", range = true } },
  Answer = { answer, { nargs = "*" } },
  Next = { function() go(1) end, {} },
  Prev = { function() go(-1) end, {} },
  Diff = { diff, {} },
  Doctor = { function() terminal("doctor") end, {} },
  Accept = { function(given)
    act(given.bang and "source.nexus.acceptFile" or "quickfix.nexus.accept", given)
  end, { bang = true, range = true } },
  Reject = { function(given)
    act(given.bang and "source.nexus.rejectFile" or "quickfix.nexus.reject", given, { reason = given.args })
  end, { bang = true, range = true, nargs = "*" } },
  Undo = { function(given)
    act("quickfix.nexus.undo", given)
  end, { range = true } },
  Plan = { of_run(nil, function(run)
    command("run", { runId = run.runId }, function(detail) page("plan", plan_lines(detail), "markdown") end)
  end), { nargs = "?", complete = run_ids } },
  Approve = { of_run({ "awaiting_approval" }, function(run)
    command("plan.approve", { runId = run.runId })
  end), { nargs = "?", complete = run_ids } },
  Cancel = { of_run(AT_WORK, function(run)
    command("run.cancel", { runId = run.runId })
  end), { nargs = "?", complete = run_ids } },
  Transcript = { of_run(nil, function(run)
    terminal("runs", "--transcript", run.runId)
  end), { nargs = "?", complete = run_ids } },
  Runs = { function()
    command("runs", {}, function(listed)
      local lines = vim.tbl_map(function(run)
        return ("%s  %-17s %d/%d tasks  %d waiting  %s"):format(run.runId, run.status, run.tasksDone, run.tasksTotal, run.changesPending, run.request)
      end, listed.runs)
      page("runs", #lines > 0 and lines or { "No run yet: :NexusDelegate begins one." })
    end)
  end, {} },
}

function M.setup(options)
  M.options = vim.tbl_deep_extend("force", M.options, options or {})
  for name, made in pairs(COMMANDS) do
    vim.api.nvim_create_user_command("Nexus" .. name, made[1], made[2])
  end
  local group = vim.api.nvim_create_augroup("nexus", {})
  local function on(event, done)
    vim.api.nvim_create_autocmd(event, { group = group, callback = done })
  end
  on({ "BufReadPost", "BufNewFile" }, function(event) start(event.buf) end)
  on("LspProgress", heard)
  if M.options.virtual_lines then
    on("DiagnosticChanged", function(event)
      if vim.lsp.get_clients({ name = "nexus", bufnr = event.buf })[1] then
        draw(event.buf)
      end
    end)
  end
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buffer) then
      start(buffer)
    end
  end
end

return M
