using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Scan;
using Tempo.Storage.Tests;

namespace Tempo.Node.Tests;

/// <summary>
/// The process ends at every single call to the object store, before and after the call has done its work. Whatever that
/// leaves, after a restart nothing is lost or comes twice, and everything gets compacted and deleted in the end.
/// </summary>
public sealed class CrashTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;
    private static readonly NodeOptions Options =
        new() { BlockRetention = TimeSpan.FromHours(100), CompactedBlockRetention = TimeSpan.FromHours(1) };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nothing_is_lost_whenever_the_process_ends(bool afterTheWork)
    {
        using var original = BlockFolder.Create(Options);
        var expected = await FillAsync(original);
        var crashes = 0;
        for (var crashAt = 1; ; crashAt++)
        {
            using var folder = original.Copy();
            if (!await CrashAsync(folder, crashAt, afterTheWork)) break;
            crashes++;
            Assert.Equal(expected, Kept((await folder.ReadAllAsync()).Traces, expected));

            var time = new ManualTime(Now);
            var restarted = await folder.StartAsync(folder.OpenObjects(), time);
            await restarted.RunOnceAsync();
            var (traces, rows) = await folder.ReadAllAsync();
            Assert.Equal(expected, traces);
            Assert.Equal(expected.Count, rows);
            Assert.Equal((await folder.ListAsync()).Select(static meta => meta.BlockId).Order(), restarted.Blocks.Order());
            Assert.Equal(expected.Count, (await folder.ListAsync()).Sum(static meta => meta.TotalObjects));

            time.Advance(TimeSpan.FromHours(2));
            await restarted.RunOnceAsync();
            Assert.Equal(restarted.Blocks.Select(static id => id.ToString()).Order(),
                Directory.GetDirectories(folder.TenantPath).Select(Path.GetFileName).Order()!);
        }

        Assert.True(crashes > 40, $"only {crashes} calls");
    }

    /// <summary>
    /// The same where a trace is too large for one row, so that its rest goes to blocks of their own: those must be there before the
    /// inputs go, whenever that is.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nothing_is_lost_of_a_trace_in_parts(bool afterTheWork)
    {
        using var original = BlockFolder.Create(Options);
        var limits = new RowLimits(Entries: 4, TextBytes: long.MaxValue);
        var nano = (ulong)Now.ToUnixTimeSeconds() * 1_000_000_000;
        var model = new TraceModel(BlockFolder.MaxAttributeBytes);
        for (var block = 0; block < 2; block++)
        {
            var request = Spans.Request(Spans.Of(
                "s", "l", [.. Enumerable.Range(0, 3).Select(
                    i => Spans.New((ulong)(block * 10 + i + 1), start: nano, trace: new TraceId(1, 1))),
                        Spans.New(77, start: nano, trace: new TraceId(2, (ulong)block + 1))]));
            model.Add(request);
            await original.WriteAsync(new BlockWriterOptions(), request);
        }

        var expected = model.Expected(fromBlock: true);
        var crashes = 0;
        for (var crashAt = 1; ; crashAt++)
        {
            using var folder = original.Copy();
            if (!await CrashAsync(folder, crashAt, afterTheWork, limits)) break;
            crashes++;
            Assert.Equal(expected, (await folder.ReadAllAsync()).Traces);
            var restarted = await folder.StartAsync(folder.OpenObjects(), new ManualTime(Now), limits);
            await restarted.RunOnceAsync();
            Assert.Equal(expected, (await folder.ReadAllAsync()).Traces);
            Assert.Equal((await folder.ListAsync()).Select(static meta => meta.BlockId).Order(), restarted.Blocks.Order());
            // Two parts, or one more if the crash left a part that is in another block, too.
            Assert.InRange(restarted.Blocks.Count(), 2, 3);
            Assert.Empty(restarted.State.View.Quarantined);
        }

        Assert.True(crashes > 15, $"only {crashes} calls");
    }

    /// <returns>False if the round ended before that call.</returns>
    private static async Task<bool> CrashAsync(BlockFolder folder, int crashAt, bool afterTheWork, RowLimits? limits = null)
    {
        var objects = new CrashingStore(folder.OpenObjects(), afterTheWork);
        var running = await folder.StartAsync(objects, new ManualTime(Now), limits);
        // A start writes nothing: the round is what is looked at.
        objects.CrashAtChange(crashAt);
        try
        {
            await running.RunOnceAsync();
        }
        catch (ObjectStoreException)
        {
            Assert.True(objects.HasCrashed);
        }

        return objects.HasCrashed;
    }

    // An expired trace is there or not; all others are.
    private static IEnumerable<KeyValuePair<string, string[]>> Kept(
        Dictionary<string, string[]> traces, Dictionary<string, string[]> expected) =>
            traces.Where(trace => expected.ContainsKey(trace.Key));

    /// <summary>
    /// Eight blocks of this hour that share traces with the next (two jobs, and a third of what comes out), one that has expired, one that
    /// was marked long ago.
    /// </summary>
    private static async Task<Dictionary<string, string[]>> FillAsync(BlockFolder folder)
    {
        var nano = (ulong)Now.ToUnixTimeSeconds() * 1_000_000_000;
        var model = new TraceModel(BlockFolder.MaxAttributeBytes);
        for (var block = 0; block < 8; block++)
        {
            var request = MergeTests.Request(block * 5 + 1, block * 5 + 12, nano);
            model.Add(request);
            await folder.WriteAsync(new BlockWriterOptions { PageSpans = 3, RowGroupSpans = 6 }, request);
        }

        var expired =
            await folder.WriteAsync(new BlockWriterOptions(), MergeTests.Request(1000, 1010, nano - 200ul * 3600 * 1_000_000_000));
        File.SetLastWriteTimeUtc(folder.PathOf(expired.BlockId, "meta.json"), Now.UtcDateTime.AddHours(-190));
        var marked = await folder.WriteAsync(new BlockWriterOptions(), MergeTests.Request(2000, 2010, nano));
        File.Move(folder.PathOf(marked.BlockId, "meta.json"), folder.PathOf(marked.BlockId, "meta.compacted.json"));
        File.SetLastWriteTimeUtc(folder.PathOf(marked.BlockId, "meta.compacted.json"), Now.UtcDateTime.AddHours(-3));
        return model.Expected(fromBlock: true);
    }
}
