#include "common/wire/query.hpp"

#include "common/limits.hpp"
#include "common/text.hpp"
#include "common/wire/msgpack_read.hpp"
#include "common/wire/msgpack_writer.hpp"

namespace presence {
namespace {

using namespace msgpack_read;

// The keys of a question as they were found; what they mean depends on `op`.
struct Fields {
    std::optional<std::string> op;
    std::optional<std::vector<std::string>> users;
    std::optional<std::string> cursor;
    std::optional<std::uint64_t> slot;
    std::optional<std::uint64_t> boot;
    std::optional<std::uint64_t> after;
    std::optional<std::uint64_t> rid;
    std::optional<QueryError> fault;  // the first

    void fail(const char* code, const std::string& message) {
        if (!fault) fault = QueryError{code, message, {}, {}};
    }
};

void read_users(Cursor& in, Fields& fields) {
    const auto count = in.array();
    if (!count) {
        fields.fail("bad_query", "`users` must be a list of ids");
        in.skip();
        return;
    }
    if (*count > kGetUsersMax)
        fields.fail("too_many", "ask for at most " + std::to_string(kGetUsersMax) + " ids at once");
    auto& users = fields.users.emplace();
    for (std::uint32_t i = 0; i < *count; ++i) {
        // As in heartbeats: an integer is its decimal text.
        std::string user;
        if (const auto text = in.text()) {
            user = *text;
        } else if (const auto unsigned_number = in.unsigned_number()) {
            user = std::to_string(*unsigned_number);
        } else if (const auto number = in.number()) {
            user = std::to_string(*number);
        } else {
            in.skip();
        }
        if (check_text(user, kUserBytesMax) != TextFault::none)
            fields.fail("bad_user", "an id is 1 to 128 bytes of UTF-8 without control characters");
        users.push_back(std::move(user));
    }
}

// Reads the value of any key, so that `rid` is found also in a question that is refused.
bool read_field(std::string_view key, Cursor& in, Fields& fields) {
    const auto expect = [&](auto& into, auto found, const char* code, const char* message) {
        if (found) {
            into = *found;
        } else {
            fields.fail(code, message);
            in.skip();
        }
    };
    if (key == "op")
        expect(fields.op, in.text(), "bad_query", "`op` must be a text");
    else if (key == "users")
        read_users(in, fields);
    else if (key == "cursor")
        expect(fields.cursor, in.text(), "bad_cursor", "`cursor` must be a text");
    else if (key == "slot")
        expect(fields.slot, in.unsigned_number(), "bad_slot", "`slot` must be 0 to 1023");
    else if (key == "boot")
        expect(fields.boot, in.unsigned_number(), "bad_query", "`boot` must be a whole number");
    else if (key == "after")
        expect(fields.after, in.unsigned_number(), "bad_query", "`after` must be a whole number");
    else if (key == "rid")
        expect(fields.rid, in.unsigned_number(), "bad_query", "`rid` must be a whole number");
    else
        in.skip();
    return true;
}

std::variant<Query, QueryError> query_of(Fields fields) {
    const auto refuse = [&](const char* code, const std::string& message) {
        return QueryError{code, message, {}, fields.rid};
    };
    if (fields.fault) {
        fields.fault->rid = fields.rid;
        return *fields.fault;
    }
    if (!fields.op) return refuse("bad_query", "`op` is missing");
    Query query;
    query.rid = fields.rid;
    if (*fields.op == "get") {
        if (!fields.users) return refuse("bad_query", "`users` is missing");
        query.op = GetQuery{std::move(*fields.users)};
    } else if (*fields.op == "count") {
        query.op = CountQuery{};
    } else if (*fields.op == "list") {
        query.op = ListQuery{fields.cursor.value_or("")};
    } else if (*fields.op == "map") {
        query.op = MapQuery{};
    } else if (*fields.op == "status") {
        query.op = StatusQuery{};
    } else if (*fields.op == "snapshot") {
        if (!fields.slot || *fields.slot >= kSlots)
            return refuse("bad_slot", "`slot` must be 0 to 1023");
        query.op = SnapshotQuery{static_cast<Slot>(*fields.slot), fields.cursor.value_or("")};
    } else if (*fields.op == "replay") {
        if (!fields.boot || !fields.after)
            return refuse("bad_query", "`boot` or `after` is missing");
        query.op = ReplayQuery{*fields.boot, *fields.after};
    } else {
        return refuse("unknown_op", "there are get, count, list, map, status, snapshot and replay");
    }
    return query;
}

struct QueryWriter {
    MsgpackWriter& out;
    const std::optional<std::uint64_t>& rid;

    template <class... Fields>
    void write(const std::string& op, const Key<Fields>&... keys) const {
        out.map(key("op", op), keys..., some("rid", rid));
    }
    void operator()(const GetQuery& q) const { write("get", key("users", q.users)); }
    void operator()(const CountQuery&) const { write("count"); }
    void operator()(const ListQuery& q) const { write("list", some("cursor", q.cursor)); }
    void operator()(const MapQuery&) const { write("map"); }
    void operator()(const StatusQuery&) const { write("status"); }
    void operator()(const SnapshotQuery& q) const {
        write("snapshot", key("slot", q.slot), some("cursor", q.cursor));
    }
    void operator()(const ReplayQuery& q) const {
        write("replay", key("boot", q.boot), key("after", q.after));
    }
};

}  // namespace

std::string encode_query(const Query& query) {
    MsgpackWriter out;
    std::visit(QueryWriter{out, query.rid}, query.op);
    return out.take();
}

std::variant<Query, QueryError> decode_query(std::string_view bytes) {
    const auto refuse = [](const char* message) {
        return QueryError{"bad_query", message, {}, {}};
    };
    if (bytes.size() > kQueryBytesMax) return refuse("a question is at most 64 KiB");
    MsgpackTokens tokens;
    if (!tokens.parse(bytes, bytes.size())) return refuse("a question is one msgpack map");
    auto in = tokens.cursor();
    Fields fields;
    if (!each_key(in, [&](std::string_view key) { return read_field(key, in, fields); }))
        return refuse("a question is one msgpack map");
    return query_of(std::move(fields));
}

}  // namespace presence
