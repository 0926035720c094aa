// The link between collector and tracker: frames one way, acknowledgements the other.
#include "common/limits.hpp"
#include "common/wire/frame.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace presence;

void fuzz(std::string_view bytes) {
    Frame frame;
    if (decode_frame(bytes, frame) == FrameFault::none) {
        RowReader reader(frame.row_groups);
        while (reader.next()) {
            const auto& row = reader.row();
            expect(!row.user.empty() && row.user.size() <= kUserBytesMax &&
                   row.session.size() <= kNameBytesMax && row.edge.size() <= kNameBytesMax);
        }
        expect(reader.all_read());
    } else {
        expect(frame.row_groups.empty());
    }
    if (const auto ack = decode_ack(bytes)) expect(decode_ack(encode_ack(*ack)).has_value());
}
