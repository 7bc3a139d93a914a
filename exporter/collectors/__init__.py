"""Collectors: one file for each source of samples, and the dict that names them.

To add one, write a file with a class that fits `contract.Collector`, and add its line here.
"""

from exporter.collectors.contract import Collector
from exporter.collectors.cpu import Cpu
from exporter.collectors.diskstats import Diskstats
from exporter.collectors.filefd import Filefd
from exporter.collectors.filesystem import Filesystem
from exporter.collectors.loadavg import Loadavg
from exporter.collectors.meminfo import Meminfo
from exporter.collectors.netclass import Netclass
from exporter.collectors.netdev import Netdev
from exporter.collectors.portable import Portable
from exporter.collectors.pressure import Pressure
from exporter.collectors.process import Process
from exporter.collectors.stat import Stat
from exporter.collectors.uname import Uname

COLLECTORS: dict[str, type[Collector]] = {
    "cpu": Cpu,
    "diskstats": Diskstats,
    "filefd": Filefd,
    "filesystem": Filesystem,
    "loadavg": Loadavg,
    "meminfo": Meminfo,
    "netclass": Netclass,
    "netdev": Netdev,
    "portable": Portable,
    "pressure": Pressure,
    "process": Process,
    "stat": Stat,
    "uname": Uname,
}
