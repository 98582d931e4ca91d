#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 13> columns_of_files = {{
    {"pid", ColumnType::integer, "Process id."},
    {"process", ColumnType::text, "Name of the process."},
    {"fd", ColumnType::integer, "Descriptor."},
    {"type", ColumnType::text,
     "file, directory, character device, block device, pipe, socket, link, or anonymous (Linux: "
     "eventfd and its like); on FreeBSD also kqueue, shared memory, semaphore, pseudo terminal, "
     "message queue, device, process, eventfd, timerfd, inotify, jail, crypto."},
    {"access", ColumnType::text, "r, w, rw, or path (O_PATH); x: to be executed (FreeBSD)."},
    {"path", ColumnType::text,
     "The way from the root of its mount namespace, or what the kernel calls it: pipe:[1234], "
     "anon_inode:[eventfd]. FreeBSD: by the kernel's name cache; null where that has lost it."},
    {"deleted", ColumnType::boolean, "True when it was removed while it was open (Linux).", true},
    {"flags", ColumnType::text,
     "Other flags of open(2) without O_: append, nonblock, sync, dsync, async, direct, directory, "
     "nofollow, noatime, cloexec.",
     true},
    {"position", ColumnType::integer, "Where the next read or write is, bytes.", true},
    {"size", ColumnType::integer, "Bytes of the file (Linux).", true},
    {"inode", ColumnType::integer, "Its inode.", true},
    {"device", ColumnType::text, "Of its file system, major:minor (Linux).", true},
    {"address", ColumnType::address, "Address of struct file.", true},
}};

class Files final : public Table {
 public:
  std::string_view name() const override { return "files"; }
  std::string_view doc() const override { return "Every open file of every process."; }
  std::span<const Column> columns() const override { return columns_of_files; }
  Result<void> rows(const TableContext& context, const Query& query, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    return kernel->files(
        query.pid,
        [&](const OpenFile& row) {
          const std::array<Value, 13> cells = {
              cell(row.pid),       cell(row.process),
              row.descriptor,      cell(row.type),
              cell(row.access),    cell(row.path),
              cell(row.deleted),   row.flags ? text_cell(*row.flags) : Value(std::monostate{}),
              cell(row.position),  cell(row.size),
              cell(row.inode),     cell(row.device),
              Address{row.address}};
          return visit(cells);
        },
        notes);
  }
};

}  // namespace

const Table& files_table() {
  static const Files table;
  return table;
}

}  // namespace panicroom
