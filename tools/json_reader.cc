// SPDX-License-Identifier: Apache-2.0
#include "json_reader.h"

#include <simdjson.h>

#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace dom = simdjson::dom;

struct json_document {
  dom::parser parser;
};

namespace {

// What C keeps of simdjson's references: their bytes.
template <typename To, typename From>
To pack(const From &from) {
  static_assert(sizeof(To) == sizeof(From), "a reference is two words");
  static_assert(std::is_trivially_copyable<From>::value, "a reference is plain data");
  To to;
  std::memcpy(static_cast<void *>(&to), static_cast<const void *>(&from), sizeof to);
  return to;
}

struct words {
  const void *at[2];
};

template <typename From>
void keep(const void *(&to)[2], const From &from) {
  const words packed = pack<words>(from);
  to[0] = packed.at[0];
  to[1] = packed.at[1];
}

template <typename To>
To restore(const void *const (&from)[2]) {
  const words packed = {{from[0], from[1]}};
  return pack<To>(packed);
}

template <typename Value>
Value value_or(simdjson::simdjson_result<Value> result, Value otherwise) {
  Value value;
  return std::move(result).get(value) == simdjson::SUCCESS ? value : otherwise;
}

dom::element element_of(json_node node) { return restore<dom::element>(node.words); }

template <typename Container>
void open(json_walk &walk, const Container &container) {
  keep(walk.next, container.begin());
  keep(walk.end, container.end());
}

} // namespace

static_assert(JSON_PADDING >= simdjson::SIMDJSON_PADDING, "padding");

json_document *json_parse(const char *text, size_t length, json_node *root, const char **error) {
  auto *document = new (std::nothrow) json_document;
  *error = "out of memory";
  if (document == nullptr) return nullptr;
  dom::element element;
  const auto code = document->parser.parse(text, length, false).get(element);
  if (code != simdjson::SUCCESS) {
    *error = simdjson::error_message(code);
    delete document;
    return nullptr;
  }
  keep(root->words, element);
  return document;
}

void json_free(json_document *document) { delete document; }

json_kind json_node_kind(json_node node) {
  switch (element_of(node).type()) {
    case dom::element_type::ARRAY: return JSON_ARRAY;
    case dom::element_type::OBJECT: return JSON_OBJECT;
    case dom::element_type::INT64: return JSON_INTEGER;
    case dom::element_type::UINT64: return JSON_UNSIGNED;
    case dom::element_type::DOUBLE: return JSON_FLOAT;
    case dom::element_type::STRING: return JSON_STRING;
    case dom::element_type::BOOL: return JSON_BOOLEAN;
    case dom::element_type::NULL_VALUE: break;
  }
  return JSON_NULL;
}

int64_t json_node_integer(json_node integer) {
  return value_or<int64_t>(element_of(integer).get_int64(), 0);
}

double json_node_number(json_node number) {
  return value_or<double>(element_of(number).get_double(), 0);
}

int json_node_boolean(json_node boolean) {
  return value_or(element_of(boolean).get_bool(), false) ? 1 : 0;
}

const char *json_node_string(json_node string, size_t *length) {
  *length = value_or<size_t>(element_of(string).get_string_length(), 0);
  return value_or<const char *>(element_of(string).get_c_str(), "");
}

json_walk json_walk_begin(json_node container) {
  json_walk walk = {};
  dom::array array;
  dom::object object;
  const dom::element element = element_of(container);
  if (element.get_array().get(array) == simdjson::SUCCESS) {
    open(walk, array);
  } else if (element.get_object().get(object) == simdjson::SUCCESS) {
    walk.is_object = 1;
    open(walk, object);
  }
  return walk;
}

int json_walk_next(json_walk *walk) {
  if (walk->next[1] == walk->end[1]) return 0;
  if (walk->is_object) {
    auto field = restore<dom::object::iterator>(walk->next);
    const auto key = field.key();
    walk->key = key.data();
    walk->key_length = key.size();
    keep(walk->node.words, field.value());
    keep(walk->next, ++field);
  } else {
    auto item = restore<dom::array::iterator>(walk->next);
    keep(walk->node.words, *item);
    keep(walk->next, ++item);
  }
  return 1;
}
