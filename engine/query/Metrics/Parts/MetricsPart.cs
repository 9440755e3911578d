using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Metrics.Compare;

namespace Tempo.Engine.Query.Metrics.Parts;

/// <summary>
/// What a metrics query has counted over a part of the traces, as bytes: written on one node, read and added on another.
/// <code>
/// head      "TPMP"  version 1                    5 bytes
///           query                                CRC-32C of its text, which both must have been asked: 8 bytes
///           kind                                 0 the range is empty: the end.  1 there was nothing to be looked at: without parts.  2
///                                                counted
/// axis      first end, step, count               unix nanoseconds, nanoseconds: 8 bytes each
/// looked at traces, bytes, spans, blocks, bytes of blocks, jobs, jobs done      counts
/// damage    what could not be read               text; empty if nothing
///           1 if compare() has left out attributes, else 0
/// parts     how many, then for each pipeline of the query, in the order of the text:
///   keys    for each attribute of the by(): its values; groups, as pairs of the group by the attributes before and a value
///   buckets of histograms and quantiles: pairs of a group and a bucket
///   cells   for each group, or group and bucket: how many empty ones, how many that follow are not, these; as often as it takes
///   exemplars
/// </code>
/// count_distinct() has its values and pairs of (group, interval) and value instead of cells, compare() attributes, values and counts of
/// its own (<see cref="CompareCounts"/>). A count is 1 to 10 bytes of seven bits each, the lowest first; a text or a value its length and
/// its bytes; a number is a count of twice a whole number, or of 1 with the eight bytes of a double behind it. What has more bytes is
/// little-endian. The version changes with any of this: nodes of two versions do not divide queries among them.
/// </summary>
internal static class MetricsPart
{
    private const byte Version = 1;

    private static ReadOnlySpan<byte> Magic => "TPMP"u8;

    private enum Kind : byte
    {
        EmptyRange,
        NothingToLookAt,
        Counted,
    }

    /// <summary>Of a range that has no interval.</summary>
    public static void WriteEmpty(NativeBuffer output, string query, MemoryBudget budget) =>
        WriteHead(new PartWriter(output, budget), query, Kind.EmptyRange);

    /// <summary>Of what was counted. Throws <see cref="QueryException"/> if that takes more than the query's budget has.</summary>
    public static void Write(NativeBuffer output, MetricsPlan plan, string query, MetricsSum sum)
    {
        var writer = new PartWriter(output, plan.Options.Budget);
        WriteHead(writer, query, sum.IsOfNothing ? Kind.NothingToLookAt : Kind.Counted);
        writer.Fixed((ulong)plan.Options.Axis.FirstEndUnixNano);
        writer.Fixed((ulong)plan.Options.Axis.StepNano);
        writer.Fixed((ulong)plan.Options.Axis.Count);
        var metrics = sum.Metrics;
        foreach (var count in (ReadOnlySpan<ulong>)[metrics.InspectedTraces, metrics.InspectedBytes, metrics.InspectedSpans,
            metrics.TotalBlocks, metrics.TotalBlockBytes, metrics.TotalJobs, metrics.CompletedJobs])
            writer.Count(count);
        writer.Text(sum.Damage);
        writer.Byte(plan.Options.Compared.IsPassed ? (byte)1 : (byte)0);
        writer.Count(sum.IsOfNothing ? 0 : sum.Counted.Count);
        if (sum.IsOfNothing) return;
        foreach (var part in sum.Counted) part.Write(writer);
    }

    /// <summary>
    /// Reads a part and adds it to what is counted here. It is read whole before anything is added. Throws
    /// <see cref="MetricsPartException"/>, and
    /// <see cref="QueryException"/> if it is too much.
    /// </summary>
    public static void Add(ReadOnlySpan<byte> bytes, MetricsPlan plan, string query, MetricsSum sum)
    {
        var budget = plan.Options.Budget;
        var used = budget.UsedBytes;
        var reader = new PartReader(bytes);
        var kind = ReadHead(ref reader, query);
        CheckAxis(ref reader, plan.Options.Axis);
        var lookedAt = ReadMetrics(ref reader);
        var damage = reader.Text("what could not be read");
        var hasLeftOut = reader.Within(0, 1, "whether attributes were left out") == 1;
        var leaves = kind == Kind.Counted ? plan.Leaves.Count : 0;
        reader.Within(leaves, leaves, "the number of pipelines");

        // How many attributes a compare() counts is decided where they are added.
        var options = plan.Options with { Compared = new ComparedAttributes(int.MaxValue) };
        var read = plan.Leaves.Take(leaves).Select(leaf => LeafWorker.NewAccumulator(leaf, options)).ToList();
        try
        {
            foreach (var part in read) part.Read(ref reader);
            reader.End();
            var taken = budget.UsedBytes - used;
            for (var leaf = 0; leaf < read.Count; leaf++) sum.Counted[leaf].AddAll(read[leaf]);
            budget.Return(taken);
        }
        finally
        {
            foreach (var part in read) part.Release();
        }

        if (hasLeftOut) plan.Options.Compared.ReportLeftOut();
        if (sum.Damage.Length == 0) sum.Damage = damage;
        sum.IsOfNothing &= kind == Kind.NothingToLookAt;
        sum.Metrics.AddSlice(lookedAt);
    }

    private static void WriteHead(PartWriter writer, string query, Kind kind)
    {
        foreach (var letter in Magic) writer.Byte(letter);
        writer.Byte(Version);
        writer.Fixed(ChecksumOf(query));
        writer.Byte((byte)kind);
    }

    private static Kind ReadHead(ref PartReader reader, string query)
    {
        foreach (var letter in Magic)
            if (reader.Byte("its head") != letter)
                throw reader.Bad("it is no part of a metrics query:");
        if (reader.Byte("its version") is var version && version != Version)
            throw reader.Bad($"it has the version {version}, this node has {Version}:");
        if (reader.Fixed("its query") != ChecksumOf(query)) throw reader.Bad("it is of another query:");
        var kind = (Kind)reader.Within((int)Kind.EmptyRange, (int)Kind.Counted, "its kind");
        return kind != Kind.EmptyRange
            ? kind
            : throw reader.Bad("its range is empty, which is not so here (have the nodes the same configuration?):");
    }

    private static ulong ChecksumOf(string query) => Crc32C.Compute(Encoding.UTF8.GetBytes(query));

    private static void CheckAxis(ref PartReader reader, TimeAxis own)
    {
        var (first, step, count) = (reader.Fixed("the axis"), reader.Fixed("the axis"), reader.Fixed("the axis"));
        if (first == (ulong)own.FirstEndUnixNano && step == (ulong)own.StepNano && count == (ulong)own.Count) return;
        throw reader.Bad(
            $"it has {count} intervals of {step} ns from {first} on, here are {own.Count} of {own.StepNano} from {own.FirstEndUnixNano} on (have the nodes the same configuration?):");
    }

    private static SearchMetrics ReadMetrics(ref PartReader reader)
    {
        const string what = "what was looked at";
        return new SearchMetrics
        {
            InspectedTraces = Uint(ref reader),
            InspectedBytes = reader.Count(what),
            InspectedSpans = reader.Count(what),
            TotalBlocks = Uint(ref reader),
            TotalBlockBytes = reader.Count(what),
            TotalJobs = Uint(ref reader),
            CompletedJobs = Uint(ref reader),
        };

        static uint Uint(ref PartReader reader) =>
            reader.Count(what) is var count && count <= uint.MaxValue ? (uint)count : throw reader.Bad(what);
    }
}
