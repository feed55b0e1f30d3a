// A file of format 2: what was done to a real IPVS and what was seen of it.
//
//   Recording r = ReadRecording("states_timeouts.json");     // throws BadRecording
//   for (const Case& c : r.cases)
//     for (const Step& s : c.steps) s.op, s.at, s.keys
//
// Strict: every step's op is known, has all the keys of that op with their types and no others; so
// a file that says something new cannot pass unread. Threads: values.
#pragma once

#include <boost/json/object.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/ip_address.h"

namespace fairlead::golden {

// "FILE: case 3 \"title\": step 7 (probe): sentence"
struct BadRecording : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Step {
  double at = 0;  // seconds of the case
  std::string op;
  boost::json::object keys;  // without t and op
};

struct Case {
  std::string title;
  std::vector<Step> steps;
};

struct Recording {
  std::string file, name, kernel;
  std::vector<Case> cases;
  std::vector<IpAddress> virtual_addresses;  // of 10.100.0/24 and fd64::/64, all it mentions
};

Recording ReadRecording(const std::string& path);
Recording ParseRecording(const std::string& text, const std::string& file);

// Where something is, for every sentence about a recording. Case and step count from 1.
std::string PlaceOf(const Recording& recording, size_t case_index, size_t step_index);

// ["10.9.0.1", 1234]. Throws std::invalid_argument.
Endpoint EndpointOf(const boost::json::value& value);
std::string TextOf(const boost::json::object& keys, const char* key);
double NumberOf(const boost::json::value& value);

}  // namespace fairlead::golden
