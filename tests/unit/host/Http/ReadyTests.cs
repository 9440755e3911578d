using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Xunit;

namespace Tempo.Host.Tests.Http;

/// <summary>What /ready hears from a real node.</summary>
public sealed class ReadyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-ready-").FullName;

    private string Building => Path.Combine(_folder, "wal", "building");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task ACutThatFailsIsHeardUntilOneSucceeds()
    {
        await using var node = await StartAsync(new NodeOptions());
        await IngestAsync(node, "v"u8.ToArray());
        Assert.True(node.IsReady(out _));

        // Blocks are put together in this folder.
        if (Directory.Exists(Building)) Directory.Delete(Building, recursive: true);
        await File.WriteAllTextAsync(Building, "", TestContext.Current.CancellationToken);
        await Assert.ThrowsAnyAsync<Exception>(() => node.FlushAsync(TestContext.Current.CancellationToken));
        Assert.False(node.IsReady(out var reason));
        Assert.Contains("cannot be written as blocks", reason, StringComparison.Ordinal);
        Assert.Equal(["write-ahead-log", "cuts", "compaction", "tenant-indexes", "tenant-memory", "metrics-generator"],
            node.Services().Select(static service => service.Name));
        Assert.Equal("cuts", Assert.Single(node.Services(), static service => service.Error.Length > 0).Name);

        File.Delete(Building);
        Directory.CreateDirectory(Building);
        await node.FlushAsync(TestContext.Current.CancellationToken);
        Assert.True(node.IsReady(out _));
        Assert.All(node.Services(), static service => Assert.Empty(service.Error));
    }

    [Theory]
    [InlineData(0, "")]
    [InlineData(5, "1 attribute keys or values were cut to 5 bytes")]
    public async Task ALimitOfZeroCutsNoAttribute(int maxAttributeBytes, string expectedWarning)
    {
        await using var node = await StartAsync(new NodeOptions { MaxAttributeBytes = maxAttributeBytes });
        Assert.Equal(expectedWarning, (await IngestAsync(node, "123456"u8.ToArray())).Message);
    }

    private Task<TempoNode> StartAsync(NodeOptions options) => TempoNode.StartAsync(
        options with { WalPath = Path.Combine(_folder, "wal"), BlocksPath = Path.Combine(_folder, "blocks"), WalSegmentBytes = 1 << 20 },
        new MetricRegistry(), Log.Null, TimeProvider.System);

    // One span with one attribute.
    private static async Task<IngestOutcome> IngestAsync(TempoNode node, byte[] value)
    {
        byte[] attribute = [0x0a, 1, (byte)'k', 0x12, (byte)(value.Length + 2), 0x0a, (byte)value.Length, .. value];
        byte[] span = [0x0a, 16, .. Enumerable.Repeat((byte)1, 16), 0x12, 8, .. Enumerable.Repeat((byte)2, 8), 0x4a, (byte)attribute.Length,
            .. attribute];
        byte[] scope = [0x12, (byte)span.Length, .. span];
        byte[] resource = [0x12, (byte)scope.Length, .. scope];
        using var request = new NativeBuffer();
        request.Append([0x0a, (byte)resource.Length, .. resource]);
        return await node.IngestAsync(TenantId.Single, request);
    }
}
