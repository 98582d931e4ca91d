#include "tests/foundry/description.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/foundry/illumos_dump.h"
#include "tests/foundry/systems.h"

namespace foundry {
namespace {

using Words = std::vector<std::string>;

/// Words of a line; "quoted text" is one word with \n, \t, \\, \" and \xNN.
Words words_of(std::string_view line) {
  Words words;
  for (std::size_t at = 0; at < line.size();) {
    if (line[at] == ' ' || line[at] == '\t') {
      ++at;
      continue;
    }
    if (line[at] == '#') break;
    std::string word;
    if (line[at] != '"') {
      while (at < line.size() && line[at] != ' ' && line[at] != '\t') word += line[at++];
      words.push_back(word);
      continue;
    }
    for (++at; at < line.size() && line[at] != '"'; ++at) {
      if (line[at] != '\\' || at + 1 >= line.size()) {
        word += line[at];
        continue;
      }
      const char escape = line[++at];
      if (escape == 'n')
        word += '\n';
      else if (escape == 't')
        word += '\t';
      else if (escape == 'x')
        word += static_cast<char>(std::stoi(std::string(line.substr(at + 1, 2)), nullptr, 16)),
            at += 2;
      else
        word += escape;
    }
    ++at;
    words.push_back(word);
  }
  return words;
}

std::uint64_t number_of(const std::string& word) {
  std::size_t used = 0;
  const std::uint64_t value = std::stoull(word, &used, 0);
  if (used != word.size()) throw std::runtime_error("not a number: " + word);
  return value;
}

Range range_of(const std::string& word) {
  const std::size_t dash = word.find('-');
  if (dash == std::string::npos) throw std::runtime_error("not a range: " + word);
  return {number_of(word.substr(0, dash)), number_of(word.substr(dash + 1))};
}

class Parser {
 public:
  explicit Parser(Description& description) : out_(description) {}

  void line(const Words& words) {
    const std::string& verb = words.front();
    const auto word = [&](std::size_t index) -> const std::string& {
      if (index >= words.size()) throw std::runtime_error(fmt::format("{} needs more words", verb));
      return words[index];
    };
    Image& image = out_.image;
    if (verb == "machine")
      image.architecture = word(1);
    else if (verb == "page")
      image.page = number_of(word(1));
    else if (verb == "ram")
      image.ram.push_back(range_of(word(1)));
    else if (verb == "exclude")
      exclude(range_of(word(1)));
    else if (verb == "tables")
      image.paging = word(1), image.table_area = range_of(word(2));
    else if (verb == "map")
      image.mappings.push_back({number_of(word(1)), number_of(word(2)), number_of(word(3)),
                                words.size() > 4 ? number_of(word(4)) : image.page});
    else if (verb == "spacemap")
      image.spaces.push_back({number_of(word(1)), Mapping{number_of(word(2)), number_of(word(3)),
                                                          number_of(word(4)), image.page}});
    else if (verb == "symbol")
      image.symbols.push_back({word(1), number_of(word(2)), number_of(word(3)), word(4)[0]});
    else if (verb == "string")
      later_.push_back(words);
    else if (verb == "u32" || verb == "u64")
      later_.push_back(words);
    else if (verb == "pattern" || verb == "code")
      later_.push_back(words);
    else if (verb == "segment")
      image.parts.push_back({number_of(word(1)), number_of(word(2)), number_of(word(3)),
                             words.size() > 4 && word(4) == "data"});
    else if (verb == "system")
      out_.system = word(1);
    else if (verb == "heap")
      out_.heap = range_of(word(1));
    else if (verb == "panic")
      out_.panic = word(1);
    else if (verb == "kallsyms" && word(1) == "untold")
      out_.tell_kallsyms = false;
    else if (verb == "kallsyms" && word(1) == "functions")
      out_.functions_only = true;
    else if (verb == "ctf")
      out_.ctf = word(1);
    else if (verb == "backlog")
      out_.backlog = true;
    else if (verb == "pages")
      last_process().memory.push_back(
          {number_of(word(1)), number_of(word(2)), number_of(word(3)), image.page});
    else if (verb == "log")
      log(words);
    else if (verb == "process")
      process(words);
    else if (verb == "thread")
      last_process().threads.push_back(thread_of(words, 2, number_of(word(1))));
    else if (verb == "kthread")
      out_.kernel_threads.push_back(thread_of(words, 1, 0));
    else if (verb == "layout")
      out_.layout = word(1), out_.version = number_of(word(2)), out_.release = word(3);
    else if (verb == "ticks")
      out_.tick_rate = number_of(word(1));
    else if (verb == "filesystem")
      out_.filesystems.emplace_back(word(1), word(2));
    else if (verb == "lock")
      lock(words);
    else if (verb == "identity" || verb == "times" || verb == "space" || verb == "runs")
      detail(words);
    else if (verb == "paths")
      last_process().executable = word(1), last_process().directory = word(2),
      last_process().root = word(3);
    else if (verb == "arguments")
      last_process().arguments.assign(words.begin() + 1, words.end());
    else if (verb == "strings")
      strings(words);
    else if (verb == "open")
      descriptor(words);
    else if (verb == "socket")
      socket(words);
    else if (verb == "mapping")
      mapping(words);
    else if (verb == "module")
      out_.modules.push_back({word(1), range_of(word(2)), {}, {}, 0, {}});
    else if (verb == "mvariable" && !out_.modules.empty())
      out_.modules.back().per_cpu.push_back({word(1), number_of(word(2)), number_of(word(3)), 'd'});
    else if (verb == "msymbol")
      last_module().symbols.push_back(
          {word(1), number_of(word(2)), number_of(word(3)), word(4)[0]});
    else if (verb == "msection")
      last_module().sections.emplace_back(word(1), number_of(word(2)));
    else if (verb == "file")
      file(words);
    else if (!parse_machine(out_.machine, words))
      throw std::runtime_error("unknown word " + verb);
  }

  /// What writes into memory waits until all mappings are known.
  void finish() {
    for (const Words& words : later_) {
      const bool is_virtual = words.at(1).starts_with('@');
      const std::uint64_t at = number_of(is_virtual ? words[1].substr(1) : words[1]);
      Image& image = out_.image;
      const auto write = [&](std::uint64_t address, std::uint64_t value, unsigned width) {
        if (is_virtual)
          image.write_virtual(address, value, width);
        else
          image.write(address, value, width);
      };
      if (words[0] == "u32")
        write(at, number_of(words.at(2)), 4);
      else if (words[0] == "u64")
        write(at, number_of(words.at(2)), 8);
      else if (words[0] == "string")
        for (std::size_t index = 0; index < words.at(2).size(); ++index)
          write(at + index, static_cast<std::uint8_t>(words[2][index]), 1);
      else if (words[0] == "code")  // the same at any address
        for (std::uint64_t index = 0; index < number_of(words.at(2)); index += 8)
          write(at + index, (index + 1) * 0x9e3779b97f4a7c15, 8);
      else  // pattern ADDRESS LENGTH: each 8 bytes are their own address
        for (std::uint64_t index = 0; index < number_of(words.at(2)); index += 8)
          write(at + index, at + index, 8);
    }
  }

 private:
  void exclude(Range range) {
    for (std::uint64_t at = range.start; at < range.end; at += out_.image.page)
      out_.image.excluded.insert(at);
  }
  // log [LEVEL] TEXT [NANOSECONDS]
  void log(const Words& words) {
    LogText text;
    std::size_t at = 1;
    if (words.size() > 2) text.level = static_cast<int>(number_of(words[at++]));
    text.text = words.at(at);
    if (words.size() > at + 1) text.time_ns = number_of(words[at + 1]);
    out_.log.push_back(text);
  }
  // process PID NAME [zombie] [ppid N] [uid N]
  void process(const Words& words) {
    ProcessText process;
    process.pid = static_cast<std::int64_t>(number_of(words.at(1)));
    process.name = words.at(2);
    for (std::size_t at = 3; at < words.size(); ++at) {
      if (words[at] == "zombie")
        process.zombie = true;
      else if (words[at] == "ppid")
        process.ppid = static_cast<std::int64_t>(number_of(words.at(++at)));
      else if (words[at] == "uid")
        process.uid = number_of(words.at(++at));
      else
        throw std::runtime_error("unknown word " + words[at]);
    }
    out_.processes.push_back(process);
  }
  ProcessText& last_process() {
    if (out_.processes.empty()) throw std::runtime_error("before any process");
    return out_.processes.back();
  }
  /// Words that come as name and value; the places are where the values go.
  static void pairs(const Words& words, std::size_t at,
                    const std::vector<std::pair<std::string, std::uint64_t*>>& numbers,
                    const std::vector<std::pair<std::string, std::string*>>& texts) {
    for (; at < words.size(); at += 2) {
      bool known = false;
      for (const auto& [name, place] : numbers)
        if (words[at] == name) *place = number_of(words.at(at + 1)), known = true;
      for (const auto& [name, place] : texts)
        if (words[at] == name) *place = words.at(at + 1), known = true;
      if (!known) throw std::runtime_error("unknown word " + words[at]);
    }
  }
  void detail(const Words& words) {
    ProcessText& it = last_process();
    std::uint64_t group = 0, session = 0, jail = 0;
    std::string nice = "0";
    pairs(words, 1,
          {{"group", &group},
           {"session", &session},
           {"jail", &jail},
           {"ruid", &it.real_uid},
           {"gid", &it.gid},
           {"rgid", &it.real_gid},
           {"flags", &it.flags},
           {"seconds", &it.start_seconds},
           {"microseconds", &it.start_microseconds},
           {"runtime", &it.run_ticks},
           {"user", &it.user_ticks},
           {"system", &it.system_ticks},
           {"interrupt", &it.interrupt_ticks},
           {"size", &it.size},
           {"resident", &it.resident_pages}},
          {{"terminal", &it.terminal}, {"nice", &nice}});
    if (words.front() != "identity") return;
    it.group = static_cast<std::int64_t>(group), it.session = static_cast<std::int64_t>(session);
    it.jail = static_cast<std::int64_t>(jail), it.nice = std::stoll(nice);
  }
  // strings USER_ADDRESS [alone] [narrow] VARIABLE...
  void strings(const Words& words) {
    ProcessText& it = last_process();
    it.strings = number_of(words.at(1));
    std::size_t at = 2;
    it.arguments_in_memory = words.size() > at && words[at] == "alone";
    if (it.arguments_in_memory) ++at;
    it.of_32_bits = words.size() > at && words[at] == "narrow";
    if (it.of_32_bits) ++at;
    it.environment.assign(words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
  }
  // open NUMBER TYPE ACCESS [path P] [position N] [flags N] [local A] [remote A] [state N]
  // [received N] [sent N] [listens N]
  void descriptor(const Words& words) {
    DescriptorText it;
    it.number = static_cast<std::int64_t>(number_of(words.at(1)));
    it.type = words.at(2), it.access = words.at(3);
    std::uint64_t listens = 0;
    pairs(words, 4,
          {{"position", &it.position},
           {"flags", &it.flags},
           {"state", &it.state},
           {"received", &it.received},
           {"sent", &it.sent},
           {"listens", &listens}},
          {{"path", &it.path}, {"local", &it.local}, {"remote", &it.remote}});
    it.listens = listens != 0;
    last_process().descriptors.push_back(it);
  }
  // socket TYPE [local A] [remote A] [state N] [received N] [sent N] [gone 1]
  void socket(const Words& words) {
    DescriptorText it;
    it.type = words.at(1);
    std::uint64_t gone = 0;
    pairs(words, 2,
          {{"state", &it.state}, {"received", &it.received}, {"sent", &it.sent}, {"gone", &gone}},
          {{"local", &it.local}, {"remote", &it.remote}});
    it.gone = gone != 0;
    out_.sockets.push_back(it);
  }
  // mapping START-END ACCESS [offset N] [path P] [copied N] [tmpfs vnode|node|flag]
  void mapping(const Words& words) {
    MappingText it;
    const Range range = range_of(words.at(1));
    it.start = range.start, it.end = range.end, it.access = words.at(2);
    std::uint64_t copied = 0;
    pairs(words, 3, {{"offset", &it.offset}, {"copied", &copied}},
          {{"path", &it.path}, {"tmpfs", &it.tmpfs}});
    it.copied = copied != 0;
    last_process().mappings.push_back(it);
  }
  // lock NAME KIND [owner TID] [readers N]
  void lock(const Words& words) {
    LockText it;
    it.name = words.at(1), it.kind = words.at(2);
    std::uint64_t owner = 0;
    pairs(words, 3, {{"owner", &owner}, {"readers", &it.readers}}, {});
    if (owner != 0) it.owner = static_cast<std::int64_t>(owner);
    out_.locks.push_back(it);
  }
  // thread TID NAME, kthread NAME, then: [cpu N] [crashed] [state S] [message TEXT] [waits LOCK]
  // [WORD N...] [frames PC...]
  static ThreadText thread_of(const Words& words, std::size_t at, std::uint64_t tid) {
    ThreadText thread;
    thread.tid = static_cast<std::int64_t>(tid);
    thread.name = words.at(at++);
    for (; at < words.size() && words[at] != "frames"; ++at) {
      if (words[at] == "cpu")
        thread.cpu = static_cast<std::int64_t>(number_of(words.at(++at)));
      else if (words[at] == "state")
        thread.state = words.at(++at);
      else if (words[at] == "crashed")
        thread.crashed = true;
      else if (std::uint64_t* number = number_in(thread, words[at]))
        *number = number_of(words.at(++at));
      else if (words[at] == "message")
        thread.message = words.at(++at);
      else if (words[at] == "waits")
        thread.lock = words.at(++at);
      else if (words[at] == "spins")
        thread.spins = words.at(++at);
      else
        throw std::runtime_error("unknown word " + words[at]);
    }
    for (++at; at < words.size(); ++at) thread.frames.push_back(number_of(words[at]));
    return thread;
  }
  static std::uint64_t* number_in(ThreadText& thread, const std::string& word) {
    if (word == "priority") return &thread.priority;
    if (word == "class") return &thread.scheduling_class;
    if (word == "lastcpu") return &thread.last_cpu;
    if (word == "runtime") return &thread.run_ticks;
    if (word == "channel") return &thread.channel;
    if (word == "user") return &thread.user_ticks;
    if (word == "system") return &thread.system_ticks;
    if (word == "new") return &thread.new_ticks;
    if (word == "stack") return &thread.stack_pages;
    return nullptr;
  }
  ModuleText& last_module() {
    if (out_.modules.empty()) throw std::runtime_error("what a module has before any module");
    return out_.modules.back();
  }
  void file(const Words& words) {
    FileText file{words.at(1), words.at(2), {}};
    for (std::size_t at = 3; at < words.size(); ++at) {
      const std::size_t equal = words[at].find('=');
      if (equal == std::string::npos)
        throw std::runtime_error("expected key=value, got " + words[at]);
      file.settings.emplace_back(words[at].substr(0, equal), words[at].substr(equal + 1));
    }
    out_.files.push_back(file);
  }

  Description& out_;
  std::vector<Words> later_;
};

std::string ring_of(const Description& description, std::size_t size) {
  std::string ring;
  for (const LogText& line : description.log)
    ring += (line.level ? fmt::format("<{}>", *line.level) : "") + line.text + "\n";
  ring.resize(size);
  return ring;
}

}  // namespace

std::string FileText::get(std::string_view key, std::string otherwise) const {
  for (const auto& [known, value] : settings)
    if (known == key) return value;
  return otherwise;
}

std::uint64_t FileText::number(std::string_view key, std::uint64_t otherwise) const {
  const std::string text = get(key);
  return text.empty() ? otherwise : number_of(text);
}

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + ": cannot be opened");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The part of a path up to the last slash, that included, and the rest without its extension.
std::pair<std::string, std::string> split_path(const std::string& path) {
  const std::size_t name = path.find_last_of('/') + 1;
  return {path.substr(0, name), path.substr(name, path.find('.', name) - name)};
}

/// Takes in the lines of a text; `like NAME` takes in the description NAME of the same folder,
/// whose files are not this one's.
void read_lines(std::string_view text, const std::string& folder, const std::string& name,
                Description& description, Parser& parser) {
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    ++number;
    try {
      const Words words = words_of(text.substr(0, end));
      if (words.size() == 2 && words[0] == "like") {
        read_lines(text_of(folder + words[1] + ".txt"), folder, words[1], description, parser);
        description.files.clear();
      } else if (!words.empty()) {
        parser.line(words);
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(fmt::format("{}:{}: {}", name, number, error.what()));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// What a description says, before anything is built of it.
Description parsed(std::string_view text, const std::string& folder, std::string name,
                   std::string_view more = {}) {
  Description description;
  description.name = std::move(name);
  Parser parser(description);
  read_lines(text, folder, description.name, description, parser);
  read_lines(more, folder, description.name + ", more", description, parser);
  parser.finish();
  return description;
}

Description built(Description description) {
  const SystemParts* system = find_system(description.system);
  if (!system && !description.system.empty())
    throw std::runtime_error("there is no system " + description.system);
  if (system) system->build(description);
  if (description.image.table_area.end != 0) build_page_tables(description.image);
  if (system) system->finish(description);
  return description;
}

Description parsed_file(const std::string& path, std::string_view more = {}) {
  const auto [folder, name] = split_path(path);
  return parsed(text_of(path), folder, name, more);
}

}  // namespace

Description parse_description(std::string_view text, std::string name) {
  return built(parsed(text, "", std::move(name)));
}

Description read_description(const std::string& path, std::string_view more) {
  return built(parsed_file(path, more));
}

std::vector<FileText> read_files(const std::string& path) { return parsed_file(path).files; }

namespace {

/// What a kernel writes of an image of that kind, and what the file's line says.
KcoreOptions kcore_options(const Image& image, const FileText& file) {
  KcoreOptions options;
  const std::string style = file.get("style", "netbsd");
  if (style != "netbsd" && style != "openbsd") throw std::runtime_error("unknown style " + style);
  options.openbsd = style == "openbsd";
  options.sparse = file.number("sparse", 0) != 0;
  options.data_size = file.number("data_size", options.data_size);
  options.device = file.number("device", 0) != 0;
  options.device_offset = file.number("offset", options.device_offset);
  options.device_rest = file.number("rest", 0);
  options.counted = file.number("counted", 1) != 0;
  options.ttbr1_bits = file.number("ttbr1_bits", 0);
  options.kernel_base = file.number("kernel_base", 0);
  options.kernel_offset = file.number("kernel_offset", 0);
  options.static_size = file.number("static_size", 0);
  // TCR_EL1: T1SZ of 48-bit addresses, TG1 of the granule.
  const std::uint64_t granule = image.page == 16384 ? 1 : image.page == 65536 ? 3 : 2;
  options.tcr1 = file.number("tcr1", granule << 30U | 16U << 16U | 16U);
  // NetBSD's i386 with PAE: the first directory of four, with the flag of PAE.
  if (image.paging == "pae_directories")
    options.root = (image.read(image.root, 8) & ~0xfffULL) | file.number("pae_flag", 0x200);
  return options;
}

IllumosOptions illumos_options(const Description& description, const FileText& file) {
  IllumosOptions options;
  const auto flag = [&file](std::string_view key) { return file.number(key, 0) != 0; };
  options.kind = file.get("kind", options.kind);
  options.version = static_cast<unsigned>(file.number("version", options.version));
  options.word = static_cast<unsigned>(file.number("words", description.image.pointer() * 8U) / 8);
  options.big = flag("big");
  options.content = file.get("content", options.content);
  options.live = flag("live");
  options.incomplete = flag("incomplete");
  options.fm_panic = flag("fm");
  options.encrypted = flag("encrypted");
  options.panic = description.panic;
  options.machine = file.get("machine", options.machine);
  for (const Symbol& symbol : description.image.symbols)
    if (symbol.name == "kas") options.kas = symbol.address;
  options.plain_symbols = file.get("ksyms") == "plain";
  options.no_symbols = file.get("ksyms") == "none";
  options.short_tail = flag("shorttail");
  options.codec = file.get("codec", options.codec);
  options.streams = static_cast<unsigned>(file.number("streams", options.streams));
  options.range = file.number("range", options.range);
  options.block = file.number("block", options.block);
  options.extra = static_cast<unsigned>(file.number("extra", options.extra));
  options.member = file.number("member", options.member);
  options.overwritten = flag("overwritten");
  options.strays = flag("strays");
  return options;
}

}  // namespace

std::vector<Blob> make_dump(const Description& description, const FileText& file) {
  Image image = description.image;
  std::vector<Blob> parts;
  if (file.container == "minidump") {
    MinidumpOptions options;
    options.version = static_cast<unsigned>(file.number("version", 3));
    options.kernbase = file.number("kernbase", 0);
    options.dmapbase = file.number("dmapbase", 0);
    options.dmapend = file.number("dmapend", 0);
    options.dmapphys = file.number("dmapphys", 0);
    options.avail_word = static_cast<unsigned>(file.number("avail", 8));
    options.message_buffer =
        ring_of(description, static_cast<std::size_t>(file.number("msgbuf", 4096)));
    options.style = file.get("style", "freebsd");
    const bool of_dragonfly = options.style == "dragonfly" && options.version != 1;
    parts.push_back(of_dragonfly ? dragonfly_minidump(image, options) : minidump(image, options));
  } else if (file.container == "elf") {
    ElfOptions options;
    options.style = file.get("style", "linux");
    options.direct_map = file.number("direct_map", 0);
    options.many_segments = file.number("many", 0) != 0;
    options.excluded_as_short = file.number("short", 0) != 0;
    options.wide = file.number("wide", 0) != 0;
    if (file.get("registers") == "untold") image.cpus.clear();
    image.root = file.number("cr3", image.root);
    parts.push_back(elf_core(image, options));
  } else if (file.container == "kdump") {
    KdumpOptions options;
    options.version = static_cast<unsigned>(file.number("version", 6));
    options.codec = file.get("codec", "zlib");
    options.padded32 = file.number("padded32", 0) != 0;
    options.wide = file.number("wide", 0) != 0;
    options.incomplete = file.number("incomplete", 0) != 0;
    parts = kdump(image, options, static_cast<unsigned>(file.number("parts", 1)));
  } else if (file.container == "kcore") {
    parts.push_back(kcore(image, kcore_options(image, file)));
  } else if (file.container == "illumos") {
    parts.push_back(illumos_dump(image, illumos_options(description, file)));
  } else {
    throw std::runtime_error("unknown container " + file.container);
  }
  for (Blob& part : parts) {
    if (file.number("flattened", 0) != 0) part = flattened(part);
    const std::string wrap = file.get("wrap");
    if (wrap == "gzip")
      part = gzipped(part);
    else if (wrap == "zstd")
      part = zstd_compressed(part);
    else if (!wrap.empty())
      throw std::runtime_error("unknown wrap " + wrap);
  }
  return parts;
}

}  // namespace foundry
