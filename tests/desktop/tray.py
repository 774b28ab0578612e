"""The agent's icon and menu, over the bus as a panel sees them."""

import time

from gi.repository import Gio, GLib

from rig import WATCHER, until

ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"


class Tray:
    def __init__(self, rig, pid):
        self.rig = rig
        self.name = until("the icon is on the bus", lambda: self._name(pid))

    def _name(self, pid):
        names = self.rig.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ListNames")[0]
        return next((name for name in names if name.startswith(f"{ITEM}-{pid}-")), None)

    def is_registered(self):
        """Whether the panel has taken it in."""
        try:
            items = self.rig.call(WATCHER, "/StatusNotifierWatcher", "org.freedesktop.DBus.Properties", "Get",
                                  GLib.Variant("(ss)", (WATCHER, "RegisteredStatusNotifierItems")))[0]
        except GLib.Error:
            return False
        return any(item.startswith(self.name) or item.startswith(":") for item in items)

    def property(self, name):
        return self.rig.call(self.name, "/StatusNotifierItem", "org.freedesktop.DBus.Properties", "Get",
                             GLib.Variant("(ss)", (ITEM, name)))[0]

    def pixels(self):
        """The icon as (width, height, ARGB bytes)."""
        return max((width, height, bytes(pixels)) for width, height, pixels in self.property("IconPixmap"))

    def colours(self):
        """How many pixels have each colour, of those that are opaque."""
        _, _, pixels = self.pixels()
        counts = {}
        for place in range(0, len(pixels), 4):
            if pixels[place] == 255:
                colour = pixels[place + 1:place + 4].hex()
                counts[colour] = counts.get(colour, 0) + 1
        return counts

    def activate(self):
        self.rig.call(self.name, "/StatusNotifierItem", ITEM, "Activate", GLib.Variant("(ii)", (0, 0)))

    def items(self):
        """The menu as (id, label, properties, children)."""
        layout = self.rig.call(self.name, "/MenuBar", MENU, "GetLayout", GLib.Variant("(iias)", (0, -1, [])))
        return _children(layout[1])

    def labels(self):
        """The menu as a person reads it, a line each; submenus are indented."""
        return _lines(self.items(), 0)

    def find(self, *path):
        items, found = self.items(), None
        for label in path:
            found = next((item for item in items if item.label.startswith(label)), None)
            if not found:
                return None
            items = found.children
        return found

    def click(self, *path):
        """Clicks the item whose label begins so; each step of the path is one level."""
        until(f"{path} is clicked", lambda: self._try_click(path))

    def _try_click(self, path):
        item = until(f"{path} is in the menu", lambda: self.find(*path))
        assert item.is_enabled, f"{path} is greyed"
        try:
            self.rig.call(self.name, "/MenuBar", MENU, "Event",
                          GLib.Variant("(isvu)", (item.id, "clicked", GLib.Variant("i", 0), 0)))
        except GLib.Error as error:
            # The menu changed since it was read, as a panel would have been told.
            if "id not found" not in error.message:
                raise
            return False
        return True

    def record_changes(self):
        return Changes(self)

    def until_label(self, *path):
        return until(f"{path} is in the menu; it shows {self.labels()}", lambda: self.find(*path))


class Changes:
    """When the menu told its host that it changed."""

    # The signals of one change come within this time.
    BURST = 0.05

    def __init__(self, tray):
        self.moments = []
        tray.rig.bus.signal_subscribe(tray.name, MENU, None, None, None, Gio.DBusSignalFlags.NONE, self._heard)

    def _heard(self, *_):
        self.moments.append(time.monotonic())

    def bursts(self):
        gaps = [later - earlier for earlier, later in zip(self.moments, self.moments[1:])]
        return len([gap for gap in gaps if gap > self.BURST]) + bool(self.moments)


class Item:
    def __init__(self, node):
        self.id, properties, children = node
        self.is_separator = properties.get("type") == "separator"
        self.label = "---" if self.is_separator else _plain(properties.get("label", ""))
        self.is_enabled = properties.get("enabled", True)
        self.is_ticked = properties.get("toggle-state") == 1
        self.is_tick = "toggle-type" in properties
        self.children = [Item(child) for child in children]


def _children(node):
    return [Item(child) for child in node[2]]


def _plain(label):
    """Without access keys: `_x` is `x`, `__` is `_`."""
    return label.replace("__", "\0").replace("_", "").replace("\0", "_")


def _lines(items, depth):
    lines = []
    for item in items:
        tick = f"[{'x' if item.is_ticked else ' '}] " if item.is_tick else ""
        lines.append("  " * depth + tick + item.label)
        lines += _lines(item.children, depth + 1)
    return lines
