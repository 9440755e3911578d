using System.Globalization;
using Tempo.Host.Startup;
using Xunit;

namespace Tempo.Host.Tests.Startup;

/// <summary>What may be dropped of a file's mappings: nothing that the process has written, or may write.</summary>
public sealed class StartupPagesTests
{
    private const string Path = "/opt/tempo 2/tempo";

    [Fact]
    public void Code_and_constants_are_dropped_and_relocated_tables_and_data_stay()
    {
        string[] smaps =
        [
            .. Mapping(0x1000, 0x3000, "r--p", Path, anonymous: 0),
            .. Mapping(0x3000, 0x9000, "r-xp", Path, anonymous: 0),
            .. Mapping(0x9000, 0xa000, "r--p", Path, anonymous: 4), // relocated by the linker, and protected since
            .. Mapping(0xa000, 0xc000, "rw-p", Path, anonymous: 0),
            .. Mapping(0xc000, 0xd000, "r--s", Path, anonymous: 0),
            .. Mapping(0xd000, 0xe000, "r--p", "", anonymous: 0),
            .. Mapping(0xe000, 0xf000, "r-xp", "/usr/lib/libc.so.6", anonymous: 0),
            .. Mapping(0x7f0000000000, 0x7f0000001000, "r--p", Path + " (deleted)", anonymous: 0),
        ];
        Assert.Equal([(0x1000, 0x2000), (0x3000, 0x6000)], StartupPages.Droppable(smaps, Path));
    }

    [Fact]
    public void A_list_that_says_less_than_is_needed_drops_nothing()
    {
        Assert.Empty(StartupPages.Droppable(["1000-3000 r-xp 00000000 fe:00 1   " + Path, "Rss:       4 kB"], Path));
        Assert.Empty(StartupPages.Droppable(
            ["1000-3000 r-xp 00000000 fe:00 1   " + Path, .. Mapping(0xe000, 0xf000, "rw-p", "", anonymous: 0)], Path));
        Assert.Empty(StartupPages.Droppable(
            ["", "Anonymous: 0 kB", "x-y r-xp " + Path, "-", "3000-1000 r-xp 0 0 0 " + Path, "Anonymous: 0 kB"], Path));
    }

    [Fact]
    public void What_was_dropped_of_this_process_is_there_again_when_it_is_used()
    {
        for (var i = 0; i < 3; i++)
        {
            Assert.True(StartupPages.GiveBack() >= 0);
            Assert.Equal("1,234.5", 1234.5.ToString("N1", CultureInfo.InvariantCulture));
        }
    }

    private static string[] Mapping(long start, long end, string access, string path, int anonymous) =>
    [
        $"{start:x}-{end:x} {access} 0003c000 fe:00 5316685                    {path}".TrimEnd(),
        $"Size:            {(end - start) / 1024,8} kB",
        "Private_Dirty:          0 kB",
        $"Anonymous:       {anonymous,8} kB",
        "VmFlags: rd mr mw me",
    ];
}
