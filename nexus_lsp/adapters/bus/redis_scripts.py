"""What `redis_bus` keeps in Redis, and the scripts that change it; each script is atomic.

All keys of a namespace carry it as hash tag, so that a cluster keeps them together. By mailbox:

    stream    an entry a message, with the fields `id` and `message` (its JSON); another program may add
              entries that have a `message` only
    letters   message id -> "<entry> <what core.mailbox knows of it>", of all that is not done with. This is
              the truth about leases; the group's pending list follows it, so that XPENDING shows who reads
    ids       message id -> when it was published or done with; a set that forgets
    strange   entries that were read and whose message nobody has looked at yet
    version   counts the decisions: one that was made on an older state is not carried out

and once: `dead` (a stream of its own), `figures`, `boxes` (mailboxes with something in them). Times are Unix
seconds; where a script is given none it takes the server's own, which all processes share.
"""

GROUP = "nexus"

KEYS = ("stream", "letters", "ids", "strange", "version", "dead", "figures", "boxes")

_HEAD = f"""
local stream, letters, ids, strange, version, dead, figures, boxes = unpack(KEYS)
local GROUP = '{GROUP}'
local KEPT_DEAD = 10000
local FORGOTTEN_AFTER = 8 * 86400

local function clock(given)
    if given ~= '' then return given end
    local now = redis.call('TIME')
    return now[1] .. '.' .. string.format('%06d', now[2])
end

local function entry_of(id)
    local known = redis.call('HGET', letters, id)
    return known and string.match(known, '^%S+')
end

local function text_of(entry)
    local found = redis.call('XRANGE', stream, entry, entry)[1]
    if not found then return nil end
    for at = 1, #found[2], 2 do
        if found[2][at] == 'message' then return found[2][at + 1] end
    end
end

local function remember(id, now)
    redis.call('ZADD', ids, now, id)
    redis.call('EXPIRE', ids, FORGOTTEN_AFTER)
end

local function drop(entry)
    redis.pcall('XACK', stream, GROUP, entry)
    redis.call('XDEL', stream, entry)
end

local function bury(mailbox, id, text, why)
    redis.call('XADD', dead, 'MAXLEN', '~', KEPT_DEAD, '*',
        'mailbox', mailbox, 'id', id, 'message', text, 'why', why)
    redis.call('HINCRBY', figures, 'dead', 1)
end
"""

PUBLISH = (
    _HEAD
    + """
local mailbox, id, text, letter, given, remembered, news = unpack(ARGV)
if redis.call('HEXISTS', letters, id) == 1 or redis.call('ZSCORE', ids, id) then return 0 end
local now = clock(given)
local entry = redis.call('XADD', stream, '*', 'id', id, 'message', text)
redis.call('HSET', letters, id, entry .. ' ' .. letter)
redis.call('ZREMRANGEBYSCORE', ids, '-inf', '(' .. string.format('%.6f', now - remembered))
remember(id, now)
redis.call('HINCRBY', figures, 'published', 1)
redis.call('SADD', boxes, mailbox)
redis.call('PUBLISH', news, mailbox)
return 1
"""
)
"""mailbox, id, text, letter, now or "", seconds to remember an id, news channel -> 1 or, known before, 0."""

LOOK = (
    _HEAD
    + """
local mailbox, consumer, given, idle = unpack(ARGV)
local now, seen = clock(given), redis.call('GET', version) or '0'
if redis.call('XLEN', stream) == 0 and redis.call('HLEN', letters) == 0 then
    redis.call('SREM', boxes, mailbox)
    return {seen, now, {}, {}}
end
redis.call('SADD', boxes, mailbox)

local function take_in(entries)
    for _, entry in ipairs(entries) do
        local fields = entry and entry[2]
        if fields and not (fields[1] == 'id' and entry_of(fields[2]) == entry[1]) then
            redis.call('SADD', strange, entry[1])
        end
    end
end

local function read()
    return redis.pcall('XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', 1000, 'STREAMS', stream, '>')
end

local new = read()
if new and new.err then
    redis.call('XGROUP', 'CREATE', stream, GROUP, '0', 'MKSTREAM')
    new = read()
end
if new and new.err then return new end
if new then take_in(new[1][2]) end
if idle ~= '' then
    take_in(redis.call('XAUTOCLAIM', stream, GROUP, consumer, idle, '0-0', 'COUNT', 1000)[2])
end

local strangers = {}
for _, entry in ipairs(redis.call('SMEMBERS', strange)) do
    local found = redis.call('XRANGE', stream, entry, entry)[1]
    if found then strangers[#strangers + 1] = found else redis.call('SREM', strange, entry) end
end
return {seen, now, redis.call('HGETALL', letters), strangers}
"""
)
"""mailbox, consumer, now or "", milliseconds after which others' pending entries are looked at or "" for not
-> version, now, letters (id, value, …), strangers ((entry, (field, value, …)), …)."""

DECIDE = (
    _HEAD
    + """
local mailbox, consumer, given, news, seen, ending = unpack(ARGV)
if (redis.call('GET', version) or '0') ~= seen then return false end
local now = clock(given)
local texts = {}

local function tell(id, text)
    texts[#texts + 1] = id
    texts[#texts + 1] = text
end

local function die(id, why)
    local entry = entry_of(id)
    if not entry then return end
    local text = text_of(entry) or '{}'
    bury(mailbox, id, text, why)
    drop(entry)
    redis.call('HDEL', letters, id)
    remember(id, now)
    return text
end

local does = {}

function does.keep(id, letter)
    local entry = entry_of(id)
    if entry then redis.call('HSET', letters, id, entry .. ' ' .. letter) end
    return entry
end

function does.hand(id, letter, again)
    local entry = does.keep(id, letter)
    if not entry then return end
    local text = text_of(entry)
    if not text then return die(id, 'another program removed it from the stream') end
    redis.call('XCLAIM', stream, GROUP, consumer, 0, entry, 'FORCE', 'JUSTID')
    redis.call('HINCRBY', figures, 'delivered', 1)
    redis.call('HINCRBY', figures, 'retried', again)
    tell(id, text)
end

function does.dead(id, why)
    local text = die(id, why)
    if text then tell(id, text) end
end

function does.admit(entry, id, letter)
    redis.call('SREM', strange, entry)
    local known = entry_of(id)
    if known == entry then return end
    if known or redis.call('ZSCORE', ids, id) then return drop(entry) end
    redis.call('HSET', letters, id, entry .. ' ' .. letter)
    remember(id, now)
    redis.call('HINCRBY', figures, 'published', 1)
end

function does.malformed(entry, text, why)
    redis.call('SREM', strange, entry)
    redis.call('HINCRBY', figures, 'published', 1)
    bury(mailbox, entry, text, why)
    drop(entry)
end

local more = false
for at = 7, #ARGV, 4 do
    more = more or ARGV[at] ~= 'hand'
    does[ARGV[at]](ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
end
redis.call('INCR', version)
redis.call('EXPIRE', version, FORGOTTEN_AFTER)
if ending == 'over' and redis.call('XLEN', stream) == 0 then
    redis.call('DEL', stream)
    redis.call('SREM', boxes, mailbox)
elseif ending == 'leave' then
    redis.pcall('XGROUP', 'DELCONSUMER', stream, GROUP, consumer)
end
if more then redis.call('PUBLISH', news, mailbox) end
return texts
"""
)
"""mailbox, consumer, now or "", news channel, version, then "over" (nobody reads the mailbox any more),
"leave" (this consumer reads no more) or "", then by fours what to do and three values -> nil where the
version is another by now, else the texts of all that was handed or died (id, text, …)."""

ACKNOWLEDGE = (
    _HEAD
    + """
local mailbox, given, news = unpack(ARGV)
local now = clock(given)
for at = 4, #ARGV do
    local entry = entry_of(ARGV[at])
    if entry then
        drop(entry)
        redis.call('HDEL', letters, ARGV[at])
        remember(ARGV[at], now)
        redis.call('HINCRBY', figures, 'acknowledged', 1)
    end
end
if redis.call('HLEN', letters) > 0 then redis.call('PUBLISH', news, mailbox) end
"""
)
"""mailbox, now or "", news channel, ids."""
