#include "control/config/machine_warnings.h"

#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>

#include "control/config/check_files.h"
#include "control/config/devices.h"
#include "control/config/kernel_interface.h"
#include "control/config/listener_files.h"
#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

// "0000:3b:00.0" of "3b:00.0,rx_vec_en=1"; empty: it is no PCI device.
std::string PciAddressOf(std::string_view device) {
  std::string name(DeviceName(device));
  constexpr std::string_view kShort = "00:00.0";
  if (name.size() == kShort.size()) name = "0000:" + name;
  constexpr std::string_view kPattern = "0000:00:00.0";
  if (name.size() != kPattern.size()) return "";
  for (size_t i = 0; i < name.size(); ++i) {
    const bool is_digit = std::isxdigit(static_cast<unsigned char>(name[i])) != 0;
    if (kPattern[i] == '0' ? !is_digit : name[i] != kPattern[i]) return "";
  }
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

// Whether somebody could look for it, and it is here.
bool IsHere(const std::string& device) {
  return (!KernelInterfaceOf(device).empty() || !PciAddressOf(device).empty()) &&
         MissingDevice(device).empty();
}

std::string InCapitals(std::string_view word) {
  std::string text(word);
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// Whether some route of the file leads to where clients are. It may have another gateway than the
// default one, so any will do.
bool HasWayOut(const ConfigModel& model, Family family) {
  return std::ranges::any_of(model.routes, [&](const RouteConfig& route) {
    return route.to.address.family() == family &&
           std::ranges::any_of(model.ports, [&](const PortConfig& port) {
             return port.role != PortRole::kInside &&
                    std::ranges::any_of(port.addresses,
                                        [&](const Prefix& own) { return own.Contains(route.via); });
           });
  });
}

}  // namespace

void WarnOfListeners(const ConfigModel& model, const AddWarning& add) {
  const auto cannot = [&](const std::string& path, const std::string& fault) {
    add(path, "cannot be used on this machine: " + fault);
  };
  for (size_t i = 0; i < model.api.listen.size(); ++i) {
    const ApiListen& listen = model.api.listen[i];
    for (const FileFault& fault :
         FaultsOfListener({listen.certificate, listen.key, listen.client_ca, listen.crl,
                           listen.tokens, listen.group})) {
      cannot(ItemPath("api.listen", i) + "." + std::string(fault.key), fault.sentence);
    }
  }
  const std::string fault = FaultOfGroup(model.api.ipvs_socket.group);
  if (!fault.empty()) cannot("api.ipvs_socket.group", fault);
}

std::string MissingDevice(const std::string& device) {
  const std::string interface(KernelInterfaceOf(device));
  if (!interface.empty()) {
    if (if_nametoindex(interface.c_str()) != 0) return "";
    return "this machine has no interface " + interface + " (ip -brief link lists those it has)";
  }
  const std::string pci = PciAddressOf(device);
  if (pci.empty() || access(("/sys/bus/pci/devices/" + pci).c_str(), F_OK) == 0) return "";
  return "this machine has no device " + pci +
         " (dpdk-devbind.py --status-dev net lists those it has)";
}

void WarnOfMissingDevices(const ConfigModel& model, const AddWarning& add) {
  std::vector<std::pair<std::string, std::string>> missing;
  bool is_this_machine = false;
  for (size_t i = 0; i < model.ports.size(); ++i) {
    const std::vector<std::string> devices = DevicesOf(model.ports[i]);
    for (size_t d = 0; d < devices.size(); ++d) {
      is_this_machine |= IsHere(devices[d]);
      std::string sentence = MissingDevice(devices[d]);
      if (sentence.empty()) continue;
      const std::string port = ItemPath("ports", i);
      missing.emplace_back(
          model.ports[i].bond ? ItemPath(port + ".bond.members", d) : port + ".device",
          std::move(sentence));
    }
  }
  if (!is_this_machine) return;
  for (auto& [path, sentence] : missing) add(path, std::move(sentence));
}

void WarnOfOwnAddresses(const ConfigModel& model, const AddWarning& add) {
  std::map<IpAddress, const PortConfig*> owners;
  for (const PortConfig& port : model.ports) {
    for (const Prefix& own : port.addresses) owners.emplace(own.address, &port);
  }
  for (size_t i = 0; i < model.services.size(); ++i) {
    const ServiceConfig& service = model.services[i];
    const auto own = service.is_mark() ? owners.end() : owners.find(service.address);
    if (own == owners.end()) continue;
    add(ItemPath("services", i) + ".address",
        service.address.ToString() + " is the own address of port " + own->second->name +
            ": it is answered for whatever announce says, and cannot move to another director. "
            "Give the service an address of its own, unless that is meant");
  }
}

std::vector<Error> WarningsOfWaysBack(const ConfigModel& model) {
  std::vector<Error> warnings;
  if (model.policy.kernel_routes > 0) return warnings;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    // Answers go to clients, which are of the IP version of the service, whatever that of the real.
    std::string first, method;
    for (size_t i = 0; i < model.services.size() && first.empty(); ++i) {
      const ServiceConfig& service = model.services[i];
      if (service.family != family) continue;
      const auto real = std::ranges::find_if(service.reals, [](const RealConfig& each) {
        return RewritesReplies(each.forward.method);
      });
      if (real == service.reals.end()) continue;
      first = service.name;
      method = InCapitals(TraitsOf(real->forward.method).word);
    }
    if (first.empty() || HasWayOut(model, family)) continue;
    const bool is_v4 = family == Family::kIpv4;
    warnings.push_back({ErrorCode::kInvalid,
                        "no route of " + std::string(is_v4 ? "IPv4" : "IPv6") +
                            " leads to clients beyond the networks of the ports, and service " +
                            first + " answers through the director (" + method +
                            "): such clients get no answer (no_route). Add "
                            "routes: [{ to: \"" +
                            (is_v4 ? "0.0.0.0/0" : "::/0") +
                            "\", via: GATEWAY }], or policy.kernel_routes",
                        "routes"});
  }
  return warnings;
}

}  // namespace fairlead::control
