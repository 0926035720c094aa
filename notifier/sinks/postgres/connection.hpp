#pragma once

#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/time.hpp"
#include "notifier/sinks/interrupt.hpp"
#include "notifier/sinks/postgres/dsn.hpp"
#include "notifier/sinks/postgres/parameters.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

// That the server answered with an error: the statement did nothing, the connection is as it was.
struct PostgresError : SinkFailure {
    PostgresError(const Failure& why, std::string state, std::string name)
        : SinkFailure(why), sqlstate(std::move(state)), constraint(std::move(name)) {}

    std::string sqlstate;    // empty: the connection failed
    std::string constraint;  // that is violated, where one has a name
};

// A connection to a Postgres server, one statement at a time. It waits for connecting, and for each
// answer, for `timeout` at most, and only where its interrupt is seen. After a failure that is no
// PostgresError it is good for nothing.
class PostgresConnection {
public:
    // Connects to the first server of the dsn that takes it. `password`: empty: none. Throws
    // SinkFailure.
    PostgresConnection(const std::string& dsn, const std::string& password, Duration timeout,
                       const Interrupt& interrupt);

    using Row = std::vector<std::string>;  // as text; null is empty
    // The rows of the last statement of `sql`. Without parameters there may be several statements,
    // which are one transaction. Throws SinkFailure, PostgresError among it.
    std::vector<Row> run(const std::string& sql);
    std::vector<Row> run(const std::string& sql, const std::vector<PostgresParameter>& parameters);

    [[nodiscard]] const std::string& origin() const { return origin_; }  // for messages
    [[nodiscard]] int version() const { return PQserverVersion(connection_.get()); }  // 150018

    // Readable when it was closed, or the server said something unasked.
    [[nodiscard]] int fd() const { return PQsocket(connection_.get()); }
    // Reads what came.
    [[nodiscard]] bool closed();

private:
    struct Close {
        void operator()(PGconn* connection) const { PQfinish(connection); }
    };
    struct Clear {
        void operator()(PGresult* result) const { PQclear(result); }
    };
    using Result = std::unique_ptr<PGresult, Clear>;

    [[nodiscard]] std::string try_to_connect(const std::string& dsn, const std::string& password,
                                             const PostgresServer& server);
    [[nodiscard]] std::vector<PostgresServer> addresses_of(const PostgresServer& server) const;
    void wait(short events, Instant until, const char* doing) const;
    std::vector<Row> answer();
    [[noreturn]] void fail(const PGresult* result) const;
    [[nodiscard]] std::string message() const;

    std::string origin_;
    Duration timeout_;
    const Interrupt* interrupt_;
    std::unique_ptr<PGconn, Close> connection_;
};

}  // namespace presence::notifier
