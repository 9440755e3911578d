using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Live;

namespace Tempo.Storage.Tests;

/// <summary>A sidecar with a changed byte, or too few of them, costs speed and never an answer.</summary>
public sealed class DamagedSidecarTests
{
    private static readonly MemoryBlock Block = Write();
    private static readonly SidecarFacts[] Facts = ReadFacts();
    private static readonly string Sound = Describe(BlockSidecar.Of(Block.Sidecar, Block.Meta(), new SidecarCache(1 << 20)));

    private static MemoryBlock Write()
    {
        var requests = new RandomRequests(seed: 3, traceCount: 6);
        var batch = new LiveBatch();
        for (var i = 0; i < 6; i++) batch.Append(requests.Next(), 64);
        return MemoryBlock.Write(
            new BlockWriterOptions { PageSpans = 10, RowGroupSpans = 20, DedicatedColumns = TestColumns.Some }, [Spans.View(batch)]);
    }

    private static SidecarFacts[] ReadFacts()
    {
        using var block = Block.Open();
        return [.. Enumerable.Range(0, block.RowGroupCount).Select(group => SidecarFacts.Of(block, group))];
    }

    [Fact]
    public void Every_flipped_byte_is_noticed_or_harmless()
    {
        var bytes = Block.Sidecar.ToArray();
        Assert.InRange(bytes.Length, 500, 20_000);
        for (var place = 0; place < bytes.Length; place++)
        {
            bytes[place] ^= (byte)(1 + place * 7 % 255);
            Check(bytes, $"byte {place} of {bytes.Length}");
            bytes[place] = Block.Sidecar[place];
        }
    }

    [Fact]
    public void Every_shorter_object_is_noticed_or_harmless()
    {
        for (var length = 0; length < Block.Sidecar.Length; length += 3)
            Check(Block.Sidecar[..length], $"{length} of {Block.Sidecar.Length} bytes");
    }

    private static void Check(byte[] bytes, string what)
    {
        var cache = new SidecarCache(1 << 20);
        var sidecar = BlockSidecar.Of(bytes, Block.Meta(), cache);
        for (var group = 0; group < Facts.Length; group++)
        {
            foreach (var (scope, key) in Facts[group].Owners.Keys) Assert.True(
                sidecar.MayContainKey(group, scope, System.Text.Encoding.UTF8.GetBytes(key)), what);
            foreach (var (scope, key, value) in Facts[group].Values.Keys) Assert.True(
                SidecarTests.MayContain(sidecar, group, scope, key, value), what);
        }

        using var block = Block.OpenWith(bytes);
        foreach (var id in Block.Ids)
        {
            Assert.True(sidecar.MayContainTrace(SidecarHash.OfTrace(id)), what);
            if (sidecar.TryFindRows(id, new long[BlockSidecar.MaxFoundRows], out var count)) Assert.NotEqual(0, count);
            Assert.True(SidecarTests.Find(block, id).Row >= 0, what);
        }

        // What it says of times, numbers and names is what the sound one says, or nothing.
        var said = Describe(sidecar).Split('\n');
        foreach (var (line, sound) in said.Zip(Sound.Split('\n'))) Assert.True(line == sound || line.EndsWith('?'), $"{what}: {line}");
        Assert.True(cache.DamagedCount > 0, what);
    }

    private static string Describe(BlockSidecar sidecar)
    {
        var lines = new List<string>();
        for (var group = 0; group < Facts.Length; group++)
        {
            lines.Add($"{group} zones {(sidecar.Zones is { } zones ? string.Join(' ', zones.Pages(group).ToArray()) : "?")}");
            foreach (var (scope, key) in Facts[group].Owners.Keys.Order())
            {
                var isKnown = sidecar.TryGetRange(
                    group, SidecarHash.OfKey(scope, System.Text.Encoding.UTF8.GetBytes(key)), out var min, out var max, out var isAbsent);
                lines.Add($"{group} {scope} range " + (isKnown ? $"{min} {max}" : isAbsent ? "none" : "?"));
            }
        }

        lines.Add("catalog " + (sidecar.ReadCatalog() is { } catalog ? Convert.ToHexString(catalog.Span) : "?"));
        return string.Join('\n', lines);
    }
}
