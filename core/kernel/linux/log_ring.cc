#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/kernel/linux/log.h"

namespace panicroom::linux_kernel {
namespace {

// kernel/printk/printk_ringbuffer.h: the two highest bits of a descriptor's state variable.
constexpr std::uint64_t committed = 1, finalized = 2;
constexpr std::uint64_t no_text = 3;  // NO_LPOS: a record without text; 1 (FAILED_LPOS): a lost one
constexpr std::uint64_t most_count_bits = 24, most_size_bits = 31;
constexpr std::uint64_t page = 4096;  // the least that can be missing

/// Offsets from VMCOREINFO, which has them all, else from the types.
class Layout {
 public:
  explicit Layout(Evidence& evidence) : evidence_(evidence) {}

  Result<std::uint64_t> offset(std::string_view structure, std::string_view member) {
    const std::string key = fmt::format("{}.{}", structure, member);
    if (const Vmcoreinfo* info = evidence_.vmcoreinfo())
      if (const auto offset = info->offset(key)) return *offset;
    PANICROOM_TRY(found, evidence_.member(structure, member));
    return found.offset;
  }
  Result<std::uint64_t> size(std::string_view structure) {
    if (const Vmcoreinfo* info = evidence_.vmcoreinfo())
      if (const auto size = info->size(structure)) return *size;
    PANICROOM_TRY(types, evidence_.types());
    return types->size_of(structure);
  }

 private:
  Evidence& evidence_;
};

struct Ring {
  std::uint64_t descriptors = 0, infos = 0;
  std::uint64_t head = 0, tail = 0, count = 0;
  std::uint64_t descriptor_size = 0, info_size = 0;
  std::uint64_t state = 0, begin = 0, next = 0;  // within a descriptor
  std::uint64_t time = 0, text_length = 0;       // within an info
  Member level;                                  // within an info
  std::uint64_t data = 0, data_size = 0, size_bits = 0;
};

bool holds(std::uint64_t size, std::uint64_t offset, std::uint64_t length) {
  return size <= page && contains(size, offset, length);
}

/// The level's place is in the types alone; without them it is the built-in one.
Member level_of(Evidence& evidence, std::uint64_t text_length, Notes& notes) {
  const auto known = evidence.member("printk_info", "level");
  if (known) return *known;
  notes.add(known.error().within(
      "the level of log lines is read at a built-in offset (three bytes behind text_len)"));
  Member level;  // u16 text_len, u8 facility, u8 flags:5, level:3 since Linux 5.10
  level.offset = text_length + 3;
  level.size = 1;
  level.bit_offset = 5;
  level.bit_size = 3;
  return level;
}

Result<Ring> read_ring(Evidence& evidence, std::uint64_t address, Notes& notes) {
  AddressSpace& memory = evidence.memory();
  Layout layout(evidence);
  Ring ring;
  PANICROOM_TRY(desc_ring, layout.offset("printk_ringbuffer", "desc_ring"));
  PANICROOM_TRY(data_ring, layout.offset("printk_ringbuffer", "text_data_ring"));
  const auto word = [&](std::uint64_t base, std::string_view structure,
                        std::string_view member) -> Result<std::uint64_t> {
    PANICROOM_TRY(offset, layout.offset(structure, member));
    return memory.word(address + base + offset);
  };
  PANICROOM_TRY(count_offset, layout.offset("prb_desc_ring", "count_bits"));
  PANICROOM_TRY(count_bits, memory.u32(address + desc_ring + count_offset));
  PANICROOM_TRY(size_offset, layout.offset("prb_data_ring", "size_bits"));
  PANICROOM_TRY(size_bits, memory.u32(address + data_ring + size_offset));
  if (count_bits > most_count_bits || size_bits > most_size_bits)
    return fail_at_address(ErrorCode::corrupt, address,
                           fmt::format("printk's ring buffer has impossible sizes: 2^{} records, "
                                       "2^{} bytes",
                                       count_bits, size_bits));
  PANICROOM_TRY(descriptors, word(desc_ring, "prb_desc_ring", "descs"));
  PANICROOM_TRY(infos, word(desc_ring, "prb_desc_ring", "infos"));
  PANICROOM_TRY(head, word(desc_ring, "prb_desc_ring", "head_id"));
  PANICROOM_TRY(tail, word(desc_ring, "prb_desc_ring", "tail_id"));
  PANICROOM_TRY(data, word(data_ring, "prb_data_ring", "data"));
  PANICROOM_TRY(descriptor_size, layout.size("prb_desc"));
  PANICROOM_TRY(info_size, layout.size("printk_info"));
  PANICROOM_TRY(state, layout.offset("prb_desc", "state_var"));
  PANICROOM_TRY(position, layout.offset("prb_desc", "text_blk_lpos"));
  PANICROOM_TRY(begin, layout.offset("prb_data_blk_lpos", "begin"));
  PANICROOM_TRY(next, layout.offset("prb_data_blk_lpos", "next"));
  PANICROOM_TRY(time, layout.offset("printk_info", "ts_nsec"));
  PANICROOM_TRY(text_length, layout.offset("printk_info", "text_len"));
  const unsigned width = evidence.pointer_size();
  if (!holds(descriptor_size, state, width) || !holds(descriptor_size, position + begin, width) ||
      !holds(descriptor_size, position + next, width) || !holds(info_size, time, 8) ||
      !holds(info_size, text_length, 2))
    return fail_at_address(ErrorCode::corrupt, address,
                           fmt::format("the log's structures of {} and {} bytes do not hold their "
                                       "own members",
                                       descriptor_size, info_size));
  const std::uint64_t count = std::uint64_t{1} << count_bits;
  const std::uint64_t data_size = std::uint64_t{1} << size_bits;
  if (count > evidence.memory_present() / descriptor_size || data_size > evidence.memory_present())
    return fail_at_address(ErrorCode::corrupt, address,
                           fmt::format("printk's ring buffer of {} records and {} bytes is larger "
                                       "than the memory in the dump",
                                       count, data_size));
  ring.descriptors = descriptors;
  ring.infos = infos;
  ring.head = head;
  ring.tail = tail;
  ring.count = count;
  ring.descriptor_size = descriptor_size;
  ring.info_size = info_size;
  ring.state = state;
  ring.begin = position + begin;
  ring.next = position + next;
  ring.time = time;
  ring.text_length = text_length;
  ring.level = level_of(evidence, text_length, notes);
  ring.data = data;
  ring.data_size = data_size;
  ring.size_bits = size_bits;
  return ring;
}

struct RecordText {
  std::string bytes;
  std::optional<std::uint64_t> address;  ///< none when there are no bytes
};

/// A record's text out of the data ring; nothing when it was lost.
Result<std::optional<RecordText>> read_text(Evidence& evidence, const Ring& ring,
                                            std::uint64_t descriptor, std::uint64_t id,
                                            std::uint64_t length) {
  AddressSpace& memory = evidence.memory();
  const unsigned width = evidence.pointer_size();
  PANICROOM_TRY(begin, memory.word(descriptor + ring.begin));
  PANICROOM_TRY(next, memory.word(descriptor + ring.next));
  if ((begin & 1U) != 0 || (next & 1U) != 0) {
    if (begin == no_text && next == no_text) return std::optional(RecordText{});
    return std::optional<RecordText>();
  }
  const std::uint64_t mask = ring.data_size - 1;
  std::uint64_t start = begin & mask, end = next & mask;
  // A block that does not fit behind its begin lies at the start of the ring.
  if (begin >> ring.size_bits != next >> ring.size_bits) {
    if (end != 0)
      start = 0;
    else
      end = ring.data_size;
  }
  if (end < start || end - start < width)
    return fail_at_address(ErrorCode::corrupt, descriptor,
                           "a log record's text block has an impossible place");
  PANICROOM_TRY(owner, memory.word(ring.data + start));
  if (owner != id)
    return fail_at_address(ErrorCode::corrupt, ring.data + start,
                           "a log record's text block belongs to another record");
  std::string text(static_cast<std::size_t>(std::min(length, end - start - width)), '\0');
  PANICROOM_CHECK(
      memory.read(ring.data + start + width,
                  MutableBytes(reinterpret_cast<std::byte*>(text.data()), text.size())));
  return std::optional(RecordText{std::move(text), ring.data + start + width});
}

}  // namespace

Result<void> read_log_ring(Evidence& evidence, std::uint64_t address, const LogVisitor& visit,
                           Notes& notes) {
  PANICROOM_TRY(ring, read_ring(evidence, address, notes));
  AddressSpace& memory = evidence.memory();
  const unsigned bits = evidence.pointer_size() * 8;
  const std::uint64_t id_mask = (std::uint64_t{1} << (bits - 2)) - 1;
  std::uint64_t lost = 0;
  std::uint64_t text_left = ring.data_size;  // records do not share their text
  // Ids count upwards and wrap; the ring never holds more than `count` of them.
  const std::uint64_t records = std::min(((ring.head - ring.tail) & id_mask) + 1, ring.count);
  for (std::uint64_t i = 0; i < records; ++i) {
    const std::uint64_t id = (ring.tail + i) & id_mask;
    const std::uint64_t slot = id & (ring.count - 1);
    const std::uint64_t descriptor = ring.descriptors + slot * ring.descriptor_size;
    const std::uint64_t info = ring.infos + slot * ring.info_size;
    const auto state = memory.word(descriptor + ring.state);
    if (!state) {
      notes.add(state.error().within("log records are missing"));
      // The others in that page are missing too.
      const std::uint64_t left = (page - 1 - (descriptor + ring.state) % page);
      i += std::min(left / ring.descriptor_size, ring.count - 1 - slot);
      continue;
    }
    const std::uint64_t kind = *state >> (bits - 2) & 3U;
    if ((*state & id_mask) != id || (kind != committed && kind != finalized)) continue;
    const auto length = memory.u16(info + ring.text_length);
    const auto time = memory.u64(info + ring.time);
    const auto level = evidence.field(info, ring.level);
    if (!length || !time || !level) {
      notes.add((!length ? length.error()
                 : !time ? time.error()
                         : level.error())
                    .within("log records are missing"));
      continue;
    }
    auto text = read_text(evidence, ring, descriptor, id, *length);
    if (!text) {
      notes.add(text.error().within("log records are missing"));
      continue;
    }
    if (!*text) {
      ++lost;
      continue;
    }
    if ((*text)->bytes.size() > text_left) {
      notes.add(Note{ErrorCode::corrupt,
                     fmt::format("the log's records have more text than the {} bytes that their "
                                 "buffer holds: the rest is left out",
                                 ring.data_size),
                     ring.data});
      break;
    }
    text_left -= (*text)->bytes.size();
    const LogLine record{*time, static_cast<int>(*level), std::move((*text)->bytes),
                         (*text)->address};
    if (!visit_lines(record, visit)) return {};
  }
  if (lost != 0)
    notes.add(Note{ErrorCode::not_in_dump,
                   fmt::format("the kernel itself lost the text of {} log records", lost),
                   address});
  return {};
}

}  // namespace panicroom::linux_kernel
