#include "core/session/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/base/printable.h"
#include "core/dump/formats.h"

namespace panicroom {
namespace {

/// An address as kernels print it in an oops: 8 to 16 digits and no 0x.
bool is_bare_hexadecimal(std::string_view text) {
  return text.size() >= 8 && text.size() <= 16 &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<std::unique_ptr<Session>> Session::open(std::vector<SourcePtr> files,
                                               const Progress& progress) {
  if (files.empty()) return fail(ErrorCode::invalid, "no file was given: name a dump");
  std::unique_ptr<Session> session(new Session);
  std::vector<SourcePtr> dump_files;
  std::vector<std::string> layers;
  KernelInputs inputs;
  for (const SourcePtr& file : files) {
    const std::string shown = printable(file->name());
    auto unwrapped = unwrap(file, progress);
    if (!unwrapped) return Failure(unwrapped.error().within(shown));
    for (const Note& remark : unwrapped->remarks) session->notes_.push_back(remark);
    auto kind = classify(*unwrapped->source);
    if (!kind) return Failure(kind.error().within(shown));
    if (*kind == FileKind::kernel) {
      inputs.kernel_files.emplace_back(file->name(), unwrapped->source);
    } else {
      if (dump_files.empty()) {
        session->dump_name_ = file->name();
        layers = unwrapped->layers;
      }
      dump_files.push_back(unwrapped->source);
    }
  }
  if (dump_files.empty())
    return fail(ErrorCode::invalid,
                fmt::format("{}: this is a program or kernel file, not a dump: give the dump too",
                            printable(files.front()->name())));
  auto dump = open_dump(dump_files);
  if (!dump) return Failure(dump.error().within(printable(dump_files.front()->name())));
  session->dump_ = std::make_unique<Dump>(std::move(*dump));
  session->dump_->layers = std::move(layers);
  // What is cut off may be missing from any answer.
  for (const Note& remark : session->dump_->remarks)
    if (remark.code == ErrorCode::not_in_dump) session->notes_.push_back(remark);
  session->physical_ =
      std::make_unique<PhysicalReader>(session->dump_->memory, session->dump_->machine.order);

  inputs.dump = session->dump_.get();
  // Behind the files that were given: those may know more.
  if (const auto& illumos = session->dump_->illumos; illumos && illumos->ksyms != nullptr)
    inputs.kernel_files.emplace_back("the dump's own symbols (ksyms)", illumos->ksyms);
  Notes notes;
  auto kernel = open_kernel(inputs, notes);
  if (kernel)
    session->kernel_ = std::move(*kernel);
  else
    session->why_no_kernel_ = kernel.error();
  for (Note& note : notes.take()) session->notes_.push_back(std::move(note));
  return session;
}

std::unique_ptr<Session> Session::of(std::unique_ptr<Dump> dump, std::unique_ptr<Kernel> kernel) {
  std::unique_ptr<Session> session(new Session);
  session->dump_ = std::move(dump);
  session->kernel_ = std::move(kernel);
  session->physical_ =
      std::make_unique<PhysicalReader>(session->dump_->memory, session->dump_->machine.order);
  return session;
}

TableContext Session::context() {
  return {dump_.get(), kernel_.get(), why_no_kernel_ ? &*why_no_kernel_ : nullptr};
}

Result<void> Session::rows(const Table& table, const Query& query, const RowVisitor& visit,
                           Notes& notes) {
  for (const Note& note : notes_) notes.add(note);
  return table.rows(context(), query, visit, notes);
}

PhysicalReader& Session::physical() { return *physical_; }

Result<std::uint64_t> Session::resolve(std::string_view text, CpuNumber cpu) {
  PANICROOM_TRY(named, look_up(text, cpu));
  return named.address;
}

Result<Named> Session::look_up(std::string_view text, CpuNumber cpu) {
  std::string_view symbol_name = text;
  std::uint64_t offset = 0;
  const auto at = [&](std::uint64_t address, std::string_view symbol) -> Result<Named> {
    if (cpu && symbol.empty()) return no_cpu_has_its_own(text);
    return Named{address + offset, offset == 0 ? std::string(symbol) : ""};
  };
  if (const auto number = parse_number(text)) return at(*number, "");
  // Symbol names may hold '+' or '-' nowhere, '.' and '$' anywhere.
  if (const auto sign = text.find_last_of("+-"); sign != std::string_view::npos && sign > 0) {
    const auto number = parse_number(text.substr(sign + 1));
    if (!number)
      return fail(ErrorCode::invalid,
                  fmt::format("\"{}\" is neither a number nor symbol+offset", printable(text)));
    offset = text[sign] == '+' ? *number : 0 - *number;
    symbol_name = text.substr(0, sign);
  }
  if (symbol_name.empty())
    return fail(ErrorCode::invalid, "an address is expected: a number, symbol or symbol+offset");
  const auto bare = is_bare_hexadecimal(symbol_name)
                        ? parse_number(fmt::format("0x{}", symbol_name))
                        : std::nullopt;
  if (!kernel_ && bare) return at(*bare, "");
  if (!kernel_) return Failure(*why_no_kernel_);
  const auto symbols = kernel_->symbols();
  if (!symbols && bare) return at(*bare, "");
  if (!symbols) {
    if (auto why = kernel_->why_no_symbols()) return Failure(*why);
    return fail(ErrorCode::no_symbol, "there are no symbols: give the kernel file too");
  }
  PANICROOM_TRY(own, own_variable(symbol_name, cpu));
  if (own) return at(own->address, own->symbol);
  const auto symbol = symbols->find(symbol_name);
  if (!symbol && bare) return at(*bare, "");
  if (!symbol)
    return fail(ErrorCode::no_symbol,
                fmt::format("no symbol \"{}\" in {}", printable(symbol_name), symbols->origin()));
  if (cpu) return no_cpu_has_its_own(symbol_name);
  return at(symbol->address, symbol->name);
}

Result<std::optional<OwnVariable>> Session::own_variable(std::string_view name, CpuNumber cpu) {
  if (!kernel_) return std::nullopt;
  Notes notes;
  auto own = kernel_->own_variable(name, cpu, notes);
  for (Note& note : notes.take())
    if (std::none_of(notes_.begin(), notes_.end(),
                     [&note](const Note& known) { return known.text == note.text; }))
      notes_.push_back(std::move(note));
  return own;
}

Result<std::shared_ptr<const TypeCatalog>> Session::types() {
  if (!kernel_) return Failure(*why_no_kernel_);
  auto types = kernel_->types();
  if (types) types_ = *types;
  return types;
}

const std::vector<Note>& Session::notes() const {
  if (types_)
    for (Note& note : types_->take_remarks()) notes_.push_back(std::move(note));
  return notes_;
}

Result<AddressSpace*> Session::memory(std::optional<std::int64_t> pid) {
  if (!kernel_) return Failure(*why_no_kernel_);
  if (!pid) return &kernel_->memory();
  if (process_memory_ && process_memory_pid_ == pid) return process_memory_.get();
  std::optional<Process> found;
  Notes walk;
  PANICROOM_CHECK(kernel_->processes(
      {pid, 0},
      [&](const Process& process) {
        found = process;
        return false;
      },
      walk));
  if (!found)
    return fail(ErrorCode::invalid,
                fmt::format("there was no process {} when the kernel died", *pid));
  auto memory = kernel_->process_memory(*found);
  if (!memory) return Failure(memory.error());
  process_memory_ = std::move(*memory);
  process_memory_pid_ = pid;
  return process_memory_.get();
}

}  // namespace panicroom
