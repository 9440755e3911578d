using System.IO.Compression;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Testing;

namespace Tempo.Node.Tests.Golden;

/// <summary>What lies in tests/format/data, and how it is made.</summary>
internal static class GoldenData
{
    /// <summary>What this version writes.</summary>
    public const string Current = "0.1.0";

    // Traces by number: in blocks that were compacted, with their inputs beside them; in blocks of a cut; only in the log. One of
    // the compacted ones is deleted, which is noted and not applied yet.
    public const int Compacted = 6, Cut = 9, Logged = 12, Deleted = 2;

    public static readonly TenantId Other = TenantId.TryParse("other", out var tenant, out _) ? tenant : default;

    public static string Folder
    {
        get
        {
            for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
                if (Directory.Exists(Path.Combine(folder.FullName, "tests", "format", "data")))
                    return Path.Combine(folder.FullName, "tests", "format", "data");
            throw new DirectoryNotFoundException($"tests/format/data is not above {AppContext.BaseDirectory}");
        }
    }

    // Its spans are of 1970, so that they are the same in every version: nothing expires.
    public static Task<TempoNode> StartAsync(string root) => TempoNode.StartAsync(
        BlockFolder.NodeOptionsIn(root) with
        {
            WalSegmentBytes = 16 << 10,
            BlockRetention = TimeSpan.FromDays(365_000),
            CompactedBlockRetention = TimeSpan.FromDays(365_000),
            AutoPromote = false
        },
        new MetricRegistry(), Log.Null, TimeProvider.System);

    public static TraceId IdOf(int trace) => new((ulong)trace * 7919, (ulong)trace);

    /// <summary>Writes the folder of this version if there is none.</summary>
    public static async Task WriteAsync()
    {
        var target = Path.Combine(Folder, Current + ".zip");
        if (File.Exists(target)) return;
        var root = TestFolder.Create("tempo-golden-");
        await using (var node = await StartAsync(root))
        {
            for (var trace = 1; trace <= Compacted; trace++)
            {
                await IngestAsync(node, trace);
                if (trace % 3 == 0) await node.FlushAsync(default);
            }

            await node.CompactAsync(default);
            for (var trace = Compacted + 1; trace <= Cut; trace++) await IngestAsync(node, trace);
            await node.FlushAsync(default);
            for (var trace = Cut + 1; trace <= Logged; trace++) await IngestAsync(node, trace);
            await node.DeleteTracesAsync(TenantId.Single, [IdOf(Deleted)], default);
            // As a crash leaves it: before the node stops, which would cut what is in the log.
            Pack(root, target);
        }

        Directory.Delete(root, recursive: true);
    }

    // Not the files that are only there to be locked: the node holds them.
    private static void Pack(string root, string target)
    {
        using var zip = ZipFile.Open(target, ZipArchiveMode.Create);
        foreach (var path in Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories)
            .Where(static path => !path.EndsWith("lock", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var entry = zip.CreateEntry(Path.GetRelativePath(root, path), CompressionLevel.SmallestSize).Open();
            file.CopyTo(entry);
        }
    }

    private static async Task IngestAsync(TempoNode node, int trace)
    {
        foreach (var tenant in new[] { TenantId.Single, Other })
        {
            using var request = new NativeBuffer();
            request.Append(MergeTests.Request(trace, trace + 1));
            Assert.Equal(IngestStatus.Accepted, (await node.IngestAsync(tenant, request)).Status);
        }
    }
}
