using System.IO.Compression;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Query;
using Tempo.Testing;

namespace Tempo.Node.Tests.Golden;

/// <summary>
/// Data folders that earlier versions left (tests/format/data, one a release) are opened by this one: what was acknowledged is
/// found, what was deleted is not, and compaction and a further restart keep it so. README.md there says how one is added.
/// </summary>
public sealed class GoldenDataTests : IDisposable
{
    private const int MaxBytes = 100 * 1024;

    private readonly string _root = TestFolder.Create("tempo-golden-");

    static GoldenDataTests()
    {
        if (Environment.GetEnvironmentVariable("TEMPO_WRITE_GOLDEN") == "1") GoldenData.WriteAsync().GetAwaiter().GetResult();
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    public static TheoryData<string> Versions =>
        [.. Directory.EnumerateFiles(GoldenData.Folder, "*.zip").Select(Path.GetFileNameWithoutExtension).OfType<string>()
            .Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_data_folder_of_an_earlier_version_is_opened_and_kept(string version)
    {
        ZipFile.ExtractToDirectory(Path.Combine(GoldenData.Folder, version + ".zip"), _root);
        for (var start = 0; start < 2; start++)
        {
            await using var node = await GoldenData.StartAsync(_root);
            await CheckAsync(node);
            await node.FlushAsync(default);
            await CheckAsync(node);
            await node.CompactAsync(default);
            await CheckAsync(node);
        }

        Assert.DoesNotContain(Directory.GetFiles(Path.Combine(_root, "wal"), "*", SearchOption.AllDirectories),
            static path => path.Contains("quarantine", StringComparison.Ordinal));
    }

    [Fact]
    public void There_is_one_of_this_version_and_they_are_small()
    {
        Assert.True(File.Exists(Path.Combine(GoldenData.Folder, GoldenData.Current + ".zip")),
            $"tests/format/data has none of {GoldenData.Current}: its README.md says how it is made");
        Assert.All(
            Directory.EnumerateFiles(GoldenData.Folder, "*.zip"), static path => Assert.InRange(new FileInfo(path).Length, 1, MaxBytes));
    }

    private static async Task CheckAsync(TempoNode node)
    {
        foreach (var tenant in new[] { TenantId.Single, GoldenData.Other })
        {
            var found = await node.SearchAsync(tenant, new SearchRequest { Query = "{}", Limit = 1000 }, default);
            Assert.Empty(found.Message);
            var expected = Enumerable.Range(1, GoldenData.Logged).Where(trace => trace != GoldenData.Deleted || tenant == GoldenData.Other)
                .Select(GoldenData.IdOf);
            Assert.Equal(expected.Order(), found.Traces.Select(static trace => trace.TraceId).Order());
            for (var trace = 1; trace <= GoldenData.Logged; trace++)
            {
                var whole = await node.FindTraceAsync(tenant, GoldenData.IdOf(trace), 0, 0, default);
                Assert.False(whole.Partial, whole.Message);
                // One span of 16 bytes' trace id, byte for byte.
                Assert.Equal(trace != GoldenData.Deleted || tenant == GoldenData.Other ? 1 : 0,
                    Occurrences(whole.Trace.Span, GoldenData.IdOf(trace)));
            }
        }
    }

    private static int Occurrences(ReadOnlySpan<byte> bytes, TraceId id)
    {
        Span<byte> wanted = stackalloc byte[TraceId.SizeBytes];
        id.Write(wanted);
        var count = 0;
        for (var at = bytes.IndexOf(wanted); at >= 0; at = bytes.IndexOf(wanted), count++) bytes = bytes[(at + 1)..];
        return count;
    }
}
