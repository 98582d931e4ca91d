#pragma once

#include <cstdint>
#include <string>

#include "core/kernel/field.h"
#include "core/kernel/illumos/vnodes.h"

namespace panicroom::illumos {

/// The segments of address spaces: the AVL tree of struct as (uts/common/vm/as.h, seg.h, seg_vn.h,
/// uts/common/sys/avl_impl.h). One for a whole walk: all processes together have no more segments
/// than fit into the memory.
class MappingsReader {
 public:
  MappingsReader(Evidence& evidence, Vnodes& vnodes);

  /// False when `visit` was or nothing more can be read.
  bool read(const Process& process, const Visitor<Mapping>& visit, Notes& notes);

 private:
  Mapping read_segment(std::uint64_t segment, const Process& process, Notes& notes);
  void read_vnode_segment(std::uint64_t data, Mapping& mapping, Notes& notes);
  /// "[heap]" or "[stack]", where the process says that it is.
  std::optional<std::string> role(const Mapping& mapping, std::uint64_t process, Notes& notes);
  /// By the symbol of its operations: "[segdev]". Nothing where it has none.
  std::optional<std::string> driver(std::uint64_t operations);

  Evidence& evidence_;
  Vnodes& vnodes_;
  std::uint64_t left_;
  std::uint64_t vnode_operations_ = 0;  ///< of segments that segvn made; 0 where it is not known
  Field space_{"proc", "p_as"}, heap_{"proc", "p_brkbase"}, heap_size_{"proc", "p_brksize"},
      stack_top_{"proc", "p_usrstack"}, stack_size_{"proc", "p_stksize"};
  Field tree_{"as", "a_segtree"}, root_{"avl_tree", "avl_root"}, link_{"avl_tree", "avl_offset"},
      count_{"avl_tree", "avl_numnodes"}, children_{"avl_node", "avl_child"};
  Field base_{"seg", "s_base"}, size_{"seg", "s_size"}, operations_{"seg", "s_ops"},
      data_{"seg", "s_data"}, node_{"seg", "s_tree"};
  Field protection_{"segvn_data", "prot"}, type_{"segvn_data", "type"},
      offset_{"segvn_data", "offset"}, vnode_{"segvn_data", "vp"};
};

}  // namespace panicroom::illumos
