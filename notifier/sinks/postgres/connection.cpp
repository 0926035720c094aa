#include "notifier/sinks/postgres/connection.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "common/io/clock.hpp"
#include "common/io/look_up.hpp"
#include "notifier/sinks/postgres/verdict.hpp"

namespace presence::notifier {

namespace {

// No other server is to be asked.
struct Stopped : SinkFailure {
    using SinkFailure::SinkFailure;
};

// libpq's messages have several lines.
std::string one_line(std::string_view text) {
    std::string out;
    for (const char c : text)
        if (c != '\n' && c != '\t')
            out += c;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
    while (!out.empty() && out.back() == ' ')
        out.pop_back();
    return out;
}

using Options = std::map<std::string, std::string, std::less<>>;

Options taken_from(PQconninfoOption* options) {
    Options out;
    for (const auto* option = options; option != nullptr && option->keyword != nullptr; ++option)
        if (option->val != nullptr) out.emplace(option->keyword, option->val);
    PQconninfoFree(options);
    return out;
}

// What libpq would take: of the dsn, else of its environment. Throws SinkFailure.
Options options_of(const std::string& dsn) {
    char* error = nullptr;
    auto* const parsed = PQconninfoParse(dsn.c_str(), &error);
    const std::string why = error == nullptr ? "out of memory" : one_line(error);
    PQfreemem(error);
    if (parsed == nullptr) throw SinkFailure("the dsn cannot be read: " + why);
    auto options = taken_from(parsed);
    for (const char* secret : {"password", "sslpassword"})
        if (options.contains(secret))
            throw SinkFailure("a password in the dsn is refused: put it into password_file");
    if (options.contains("service"))
        throw SinkFailure("a service in the dsn is refused: write its host and database");
    options.merge(taken_from(PQconndefaults()));
    return options;
}

std::string value_of(const Options& options, std::string_view key) {
    const auto found = options.find(key);
    return found == options.end() ? "" : found->second;
}

}  // namespace

PostgresConnection::PostgresConnection(const std::string& dsn, const std::string& password,
                                       Duration timeout, const Interrupt& interrupt)
    : timeout_(timeout), interrupt_(&interrupt) {
    const auto options = options_of(dsn);
    std::string why;
    for (const auto& named : servers_of(value_of(options, "host"), value_of(options, "hostaddr"),
                                        value_of(options, "port"))) {
        try {
            for (const auto& server : addresses_of(named)) {
                const auto failure = try_to_connect(dsn, password, server);
                if (failure.empty()) return;
                why += (why.empty() ? "" : "; ") + failure;
            }
        } catch (const Stopped&) {
            throw;
        } catch (const SinkFailure& failure) {
            why += (why.empty() ? "" : "; ") + failure.failure.reason;
        }
    }
    throw SinkFailure("cannot connect: " + why);
}

std::vector<PostgresServer> PostgresConnection::addresses_of(const PostgresServer& server) const {
    if (!server.needs_look_up()) return {server};
    io::LookUp look_up(server.host);
    const auto woken = interrupt_->wait(look_up.fd(), POLLIN, io::now() + timeout_);
    if (woken == Interrupt::Woken::stopped)
        throw Stopped("stopped while looking up " + server.host);
    const auto found = look_up.take();
    if (!found || found->hosts.empty())
        throw SinkFailure(server.host + ": " + (found ? found->failure : "not found in time"));
    std::vector<PostgresServer> servers;
    for (auto address : found->hosts) {
        if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
        servers.push_back({server.host, address, server.port});
    }
    return servers;
}

// Returns why not.
std::string PostgresConnection::try_to_connect(const std::string& dsn, const std::string& password,
                                               const PostgresServer& server) {
    // What stands behind the dsn counts more. GSSAPI's library would wait for its own servers.
    std::vector<std::pair<const char*, std::string>> given{
        {"dbname", dsn}, {"client_encoding", "UTF8"}, {"application_name", "presence-notifier"}};
    if (!server.host.empty()) given.emplace_back("host", server.host);
    if (!server.address.empty()) given.emplace_back("hostaddr", server.address);
    if (!server.port.empty()) given.emplace_back("port", server.port);
    if (!password.empty()) given.emplace_back("password", password);
    if (dsn.find("gssencmode") == std::string::npos) given.emplace_back("gssencmode", "disable");
    std::vector<const char*> keys;
    std::vector<const char*> values;
    for (const auto& [key, value] : given) {
        keys.push_back(key);
        values.push_back(value.c_str());
    }
    keys.push_back(nullptr);
    values.push_back(nullptr);
    const auto until = io::now() + timeout_;
    connection_.reset(PQconnectStartParams(keys.data(), values.data(), 1));
    auto* const connection = connection_.get();
    if (connection == nullptr) return "out of memory";
    // Else it writes them on standard error.
    PQsetNoticeReceiver(
        connection, [](void*, const PGresult*) {}, nullptr);
    auto polling = PGRES_POLLING_WRITING;
    while (polling != PGRES_POLLING_OK) {
        if (polling == PGRES_POLLING_FAILED || PQstatus(connection) == CONNECTION_BAD)
            return message();
        const auto events = static_cast<short>(polling == PGRES_POLLING_READING ? POLLIN : POLLOUT);
        const auto woken = interrupt_->wait(PQsocket(connection), events, until);
        if (woken == Interrupt::Woken::stopped) throw Stopped("stopped while connecting");
        if (woken == Interrupt::Woken::timeout)
            return (server.host.empty() ? "the server" : server.host) + " did not answer in time";
        polling = PQconnectPoll(connection);
    }
    if (PQsetnonblocking(connection, 1) != 0) return message();
    const auto text = [](const char* part) { return std::string(part == nullptr ? "" : part); };
    origin_ =
        text(PQhost(connection)) + ":" + text(PQport(connection)) + "/" + text(PQdb(connection));
    return {};
}

std::string PostgresConnection::message() const {
    return one_line(PQerrorMessage(connection_.get()));
}

void PostgresConnection::wait(short events, Instant until, const char* doing) const {
    switch (interrupt_->wait(fd(), events, until)) {
        case Interrupt::Woken::ready:
            return;
        case Interrupt::Woken::timeout:
            throw SinkFailure(origin_ + " did not answer in time");
        case Interrupt::Woken::stopped:
            throw SinkFailure(std::string("stopped while ") + doing + " " + origin_);
    }
}

std::vector<PostgresConnection::Row> PostgresConnection::run(const std::string& sql) {
    if (PQsendQuery(connection_.get(), sql.c_str()) == 0) fail(nullptr);
    return answer();
}

std::vector<PostgresConnection::Row> PostgresConnection::run(
    const std::string& sql, const std::vector<PostgresParameter>& parameters) {
    std::vector<Oid> types;
    std::vector<const char*> values;
    std::vector<int> lengths;
    const std::vector<int> formats(parameters.size(), 1);  // binary
    for (const auto& parameter : parameters) {
        types.push_back(parameter.type);
        values.push_back(parameter.bytes.data());
        lengths.push_back(static_cast<int>(parameter.bytes.size()));
    }
    constexpr int kAsText = 0;
    if (PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(parameters.size()),
                          types.data(), values.data(), lengths.data(), formats.data(),
                          kAsText) == 0)
        fail(nullptr);
    return answer();
}

std::vector<PostgresConnection::Row> PostgresConnection::answer() {
    auto* const connection = connection_.get();
    const auto until = io::now() + timeout_;
    for (int left = PQflush(connection); left != 0; left = PQflush(connection)) {
        if (left < 0) fail(nullptr);
        // A server that has much to say takes nothing more until it is heard.
        wait(POLLIN | POLLOUT, until, "writing to");
        if (PQconsumeInput(connection) == 0) fail(nullptr);
    }
    std::vector<Row> rows;
    Result error;
    for (;;) {
        while (PQisBusy(connection) != 0) {
            wait(POLLIN, until, "reading from");
            if (PQconsumeInput(connection) == 0) fail(nullptr);
        }
        Result result(PQgetResult(connection));
        if (!result) break;
        const auto status = PQresultStatus(result.get());
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
            if (!error) error = std::move(result);
            if (PQstatus(connection) == CONNECTION_BAD) break;
            continue;
        }
        rows.clear();
        for (int row = 0; row < PQntuples(result.get()); ++row) {
            auto& out = rows.emplace_back();
            for (int column = 0; column < PQnfields(result.get()); ++column)
                out.emplace_back(PQgetvalue(result.get(), row, column),
                                 static_cast<std::size_t>(PQgetlength(result.get(), row, column)));
        }
    }
    if (error) fail(error.get());
    return rows;
}

void PostgresConnection::fail(const PGresult* result) const {
    const auto field = [&](int code) {
        const char* text = result == nullptr ? nullptr : PQresultErrorField(result, code);
        return std::string(text == nullptr ? "" : text);
    };
    const auto state = field(PG_DIAG_SQLSTATE);
    // A server that ends says so, and closes.
    if (state.empty() || PQstatus(connection_.get()) == CONNECTION_BAD)
        throw SinkFailure(origin_ + ": " +
                          (result == nullptr ? message() : one_line(PQresultErrorMessage(result))));
    const auto constraint = field(PG_DIAG_CONSTRAINT_NAME);
    throw PostgresError(Failure{.reason = origin_ + " answered " + state + ": " +
                                          one_line(field(PG_DIAG_MESSAGE_PRIMARY)) +
                                          postgres_advice(state, constraint)},
                        state, constraint);
}

bool PostgresConnection::closed() {
    return PQconsumeInput(connection_.get()) == 0 || PQstatus(connection_.get()) == CONNECTION_BAD;
}

}  // namespace presence::notifier
