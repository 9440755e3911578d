using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Wal;
using Tempo.Testing;

namespace Tempo.Wal.Tests;

/// <summary>
/// Everything that can happen to the bytes of one segment: it costs at most the records it touches, and never yields a
/// record that was not appended there.
/// </summary>
public sealed class SegmentDamageTests
{
    private const int SegmentBytes = 14 << 10;
    private const int MaxPayloadBytes = 900;
    private static readonly SegmentImage Image = SegmentImage.Make();

    [Fact]
    public void An_untouched_segment_replays_whole_and_ends_ordinarily() => Check([], static _ => { });

    [Fact]
    public void Any_flipped_bit_costs_at_most_its_record()
    {
        for (var at = 0; at < SegmentBytes; at++) Check([(at, 1)], bytes => bytes[at] ^= (byte)(1 << (at % 8)));
    }

    [Theory]
    [InlineData(512, 64)]
    [InlineData(4096, 128)]
    public void Zeroed_blocks_cost_at_most_their_records(int size, int step)
    {
        for (var at = 0; at + size <= SegmentBytes; at += step) Check([(at, size)], bytes => bytes.AsSpan(at, size).Clear());
    }

    [Fact]
    public void Any_truncation_costs_at_most_what_was_cut_off()
    {
        for (var length = 0; length < SegmentBytes; length++) Check([(length, SegmentBytes - length)], static _ => { }, length);
    }

    /// <summary>Nobody shortens a segment but damage: the record that is cut counts whole, and the file is put aside.</summary>
    [Fact]
    public void A_truncation_is_seen_and_counts_the_record_it_cuts()
    {
        for (var length = 4096; length < SegmentBytes; length++)
        {
            var disk = new SimDisk();
            disk.WriteAll("wal/" + Image.Name, Image.Bytes.AsSpan(0, length));
            using var log = TestRecords.Open(disk, 2, SegmentBytes);
            TestRecords.Replay(Assert.Single(log.Recovered), MaxPayloadBytes, out var report);
            var cut = Image.Records.Find(r => r.Offset < length && length < r.Offset + r.Size);
            var lost = cut.Size == 0 || length - cut.Offset < 8 ? 0
                : length - cut.Offset < Math.Max(48, cut.HeaderSize) ? length - cut.Offset
                : (cut.Size + 7) & -8;
            Assert.True(lost == report.CorruptBytes, $"cut to {length}: {report.CorruptBytes} bytes lost, not {lost}");
            Assert.Contains(report.Damage, d => d.Reason.Contains($"{SegmentBytes - length} bytes shorter", StringComparison.Ordinal));
            Assert.Equal(DiskError.None, log.Release(log.Recovered[0]));
            Assert.Equal(length, disk.ReadAll("wal/quarantine/" + Image.Name).Length);
        }
    }

    [Fact]
    public void A_segment_in_which_nothing_verifies_counts_whole()
    {
        var disk = new SimDisk();
        var bytes = new byte[SegmentBytes];
        new Random(3).NextBytes(bytes.AsSpan(0, 9000));
        bytes[8999] = 1;
        disk.WriteAll("wal/" + Image.Name, bytes);
        using var log = TestRecords.Open(disk, 2, SegmentBytes);
        Assert.Empty(TestRecords.Replay(Assert.Single(log.Recovered), MaxPayloadBytes, out var report));
        Assert.Equal(9000 - 4096 + 44, report.CorruptBytes);
    }

    [Fact]
    public void What_was_acknowledged_behind_the_end_of_a_cut_file_is_counted()
    {
        // The next segment's header tells how much of this one there was.
        var disk = new SimDisk();
        using (var log = TestRecords.Open(disk, 1, SegmentBytes))
            for (ulong id = 1; TestRecords.Append(log, log.Current, id, MaxPayloadBytes).SegmentIndex < 1; id++) { }
        disk.TryList("wal", out var names);
        var first = names.First(static n => n.EndsWith("-00000000.wal", StringComparison.Ordinal));
        var end = BitConverter.ToInt32(disk.ReadAll("wal/" + first.Replace("-00000000", "-00000001", StringComparison.Ordinal)).AsSpan(36));
        var killed = disk.Kill();
        killed.WriteAll("wal/" + first, disk.ReadAll("wal/" + first).AsSpan(0, 4096));
        using var reopened = TestRecords.Open(killed, 2, SegmentBytes);
        TestRecords.Replay(Assert.Single(reopened.Recovered), MaxPayloadBytes, out var report);
        Assert.Equal(end - 4096, report.CorruptBytes);
    }

    [Fact]
    public void Duplicated_blocks_never_make_records()
    {
        const int Size = 2048;
        for (var from = 0; from + Size <= SegmentBytes; from += 256)
        {
            for (var to = 0; to + Size <= SegmentBytes; to += 512)
                Check([(to, Size)], bytes => bytes.AsSpan(from, Size).ToArray().CopyTo(bytes, to));
        }
    }

    [Fact]
    public void Swapped_sectors_cost_at_most_their_records()
    {
        const int Size = 512;
        for (var first = 0; first < SegmentBytes; first += Size)
        {
            for (var second = first + Size; second < SegmentBytes; second += Size)
            {
                Check([(first, Size), (second, Size)], bytes =>
                {
                    var kept = bytes.AsSpan(first, Size).ToArray();
                    bytes.AsSpan(second, Size).CopyTo(bytes.AsSpan(first));
                    kept.CopyTo(bytes, second);
                });
            }
        }
    }

    [Fact]
    public void Random_rubbish_costs_at_most_the_records_it_touches()
    {
        // As in tests/unit/node/Corruption: how many segments are damaged, and where chance begins.
        var inputs = int.Parse(Environment.GetEnvironmentVariable("TEMPO_CORRUPTION_INPUTS") ?? "5000", CultureInfo.InvariantCulture);
        var random =
            new Random(10 + int.Parse(Environment.GetEnvironmentVariable("TEMPO_CORRUPTION_SEED") ?? "1", CultureInfo.InvariantCulture));
        for (var i = 0; i < inputs; i++)
        {
            var touched = new List<(int, int)>();
            for (var n = random.Next(1, 6); n > 0; n--)
            {
                var size = random.Next(1, 300);
                touched.Add((random.Next(SegmentBytes - size), size));
            }

            Check(touched, bytes =>
            {
                foreach (var (at, size) in touched) random.NextBytes(bytes.AsSpan(at, size));
            });
        }
    }

    [Fact]
    public void A_segment_under_another_name_gives_nothing()
    {
        // Not its own index, not its own generation: the checksums are bound to both.
        foreach (var name in new[] { Image.Name.Replace("-00000000", "-00000001", StringComparison.Ordinal),
            "00000001000000ff-00000000.wal" })
        {
            var disk = new SimDisk();
            disk.WriteAll("wal/" + name, Image.Bytes);
            using var log = TestRecords.Open(disk, 2, SegmentBytes);
            Assert.Empty(TestRecords.Replay(Assert.Single(log.Recovered), MaxPayloadBytes, out var report));
            Assert.NotEmpty(report.Damage);
        }
    }

    [Fact]
    public void Another_version_is_named_and_costs_only_its_file()
    {
        var disk = new SimDisk();
        var bytes = (byte[])Image.Bytes.Clone();
        bytes[8] = 9;
        BitConverter.TryWriteBytes(bytes.AsSpan(40), Crc32C.Compute(bytes.AsSpan(0, 40)));
        disk.WriteAll("wal/" + Image.Name, bytes);
        disk.WriteAll("wal/0000000000000001-00000000.wal", []);
        using var log = TestRecords.Open(disk, 2, SegmentBytes);
        Assert.Equal(2, log.Recovered.Count);
        TestRecords.Replay(log.Recovered[0], MaxPayloadBytes);
        TestRecords.Replay(log.Recovered[1], MaxPayloadBytes, out var report);
        var damage = Assert.Single(report.Damage);
        Assert.Contains("version 9", damage.Reason, StringComparison.Ordinal);
        Assert.Contains("version 1", damage.Reason, StringComparison.Ordinal);

        // Put aside byte for byte, for the build that can read it.
        Assert.Equal(DiskError.None, log.Release(log.Recovered[1]));
        Assert.Equal(bytes, disk.ReadAll("wal/quarantine/" + Image.Name));
    }

    private static void Check(List<(int Offset, int Size)> touched, Action<byte[]> damage, int length = SegmentBytes)
    {
        var isWhole = length == SegmentBytes;
        var bytes = (byte[])Image.Bytes.Clone();
        damage(bytes);
        var disk = new SimDisk();
        disk.WriteAll("wal/" + Image.Name, bytes.AsSpan(0, length));
        var registry = new MetricRegistry();
        using var log = TestRecords.Open(disk, 2, SegmentBytes, registry: registry);
        var found = TestRecords.Replay(Assert.Single(log.Recovered), MaxPayloadBytes, out var report);

        // In order, each once, all appended; and those that were not touched are all there.
        Assert.Equal(found.Order().Distinct(), found);
        Assert.Empty(found.Except(Image.Records.Select(static r => r.Id)));
        var lost = Image.Records.Where(r => !found.Contains(r.Id)).ToList();
        foreach (var record in lost)
        {
            Assert.True(Touched(record.Offset, record.Size), $"record {record.Id} was lost without being touched");
        }

        // A loss is called damage when a header of a later group shows that it had been acknowledged, and only then.
        var shown = lost.Exists(l => Image.Records.Exists(r => r.Group > l.Group && !Touched(r.Offset, r.HeaderSize)));
        var header = touched.Exists(static t => t.Offset < 44);
        if (shown) Assert.True(report.CorruptBytes > 0 && report.Damage.Count > 0);
        if (isWhole && lost.Count == 0 && !header) Assert.Empty(report.Damage);
        if (isWhole && !shown && !header) Assert.Equal(0, report.CorruptBytes);

        bool Touched(int offset, int size) => touched.Exists(t => t.Offset < offset + size && offset < t.Offset + t.Size);
    }

    /// <summary>A segment of several groups in a recycled file: behind its end lie whole records of an earlier life.</summary>
    private sealed record SegmentImage(string Name, byte[] Bytes, List<(ulong Id, int Group, int Offset, int HeaderSize, int Size)> Records)
    {
        public static SegmentImage Make()
        {
            var disk = new SimDisk();
            using var log = TestRecords.Open(disk, 1, SegmentBytes);
            var old = log.Current;
            for (var id = 1000UL; TestRecords.Append(log, old, id, MaxPayloadBytes) is { SegmentIndex: 0 } r
                && r.Offset < SegmentBytes - 1500; id++) { }
            log.Roll();
            Assert.Equal(DiskError.None, log.Release(old));

            // The spare that was allocated ahead comes first; the recycled file is the next one.
            TestRecords.Append(log, log.Current, 2000, MaxPayloadBytes);
            log.Roll();
            var records = new List<(ulong Id, int Group, int Offset, int HeaderSize, int Size)>();
            ulong next = 1;
            for (var group = 0; group < 4; group++)
            {
                var under = Enumerable.Range(0, 3).Select(_ => (Id: next, Buffer: TestRecords.Buffer(next++, MaxPayloadBytes))).ToList();
                var tasks = under.ConvertAll(u => log.AppendAsync(log.Current, TestRecords.TenantOf(u.Id), u.Buffer).AsTask());
                while (log.CommitQueued() > 0) { }
                for (var i = 0; i < under.Count; i++)
                {
                    var result = TestRecords.Result(tasks[i]);
                    Assert.Equal(0u, result.SegmentIndex);
                    var headerSize = (36 + TestRecords.TenantOf(under[i].Id).Value.Length + 7) & -8;
                    records.Add((under[i].Id, group, (int)result.Offset, headerSize, headerSize + under[i].Buffer.Length));
                    under[i].Buffer.Dispose();
                }
            }

            var name = $"{log.Current.Number:x16}-00000000.wal";
            var bytes = disk.ReadAll("wal/" + name);
            var end = records[^1].Offset + records[^1].Size + 8;
            Assert.True(bytes.AsSpan(end).IndexOfAnyExcept((byte)0) >= 0, "the file was not a recycled one");
            return new SegmentImage(name, bytes, records);
        }
    }
}
