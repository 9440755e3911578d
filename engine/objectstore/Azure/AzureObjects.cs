using System.Globalization;
using System.Text;
using Azure;
using Azure.Core.Pipeline;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace Tempo.Engine.ObjectStore;

/// <summary>Azure's part of <see cref="IRemoteObjects"/>, over its SDK. Large uploads are block blobs of staged blocks.</summary>
internal sealed class AzureObjects : IRemoteObjects
{
    /// <summary>As the other stores answer; Azure's own default is five times that.</summary>
    private const int NamesOfPage = 1000;

    private readonly HttpClientTransport _transport = new(BoundedAnswers.NewClient());
    private readonly HttpClientTransport _machine = new(BoundedAnswers.NewClient(useProxy: false)); // a proxy would ask its own
    private readonly BlobContainerClient _container;
    private readonly Random _random;

    public AzureObjects(AzureOptions options, TimeProvider time, Random random) =>
        (_container, _random) = (Open(options, _transport, _machine, time), random);

    public void Dispose()
    {
        _transport.Dispose();
        _machine.Dispose();
    }

    public async Task PutAsync(string name, ReadOnlyMemory<byte> content, PutCondition condition, CancellationToken cancellation)
    {
        using var body = new ReadOnlyMemoryStream(content);
        var conditions = new BlobRequestConditions();
        if (condition.OnlyIfAbsent) conditions.IfNoneMatch = ETag.All;
        if (condition.Version is not null) conditions.IfMatch = new ETag(condition.Version);
        await Blob(name).UploadAsync(body, new BlobUploadOptions { Conditions = conditions }, cancellation).ConfigureAwait(false);
    }

    public Task<IRemoteUpload> BeginUploadAsync(string name, CancellationToken cancellation) =>
        Task.FromResult<IRemoteUpload>(new AzureUpload(Blob(name), NextUpload()));

    public async Task<RemoteRange> GetRangeAsync(string name, long offset, ReadTarget destination, CancellationToken cancellation)
    {
        var answer = await Blob(name).DownloadStreamingAsync(
            new BlobDownloadOptions { Range = new HttpRange(offset, destination.Length) }, cancellation).ConfigureAwait(false);
        using var result = answer.Value;
        var (size, count) = RemoteBody.Announced(result.Details.ContentRange, result.Details.ContentLength, offset, destination.Length);
        await RemoteBody.ReadAsync(result.Content, destination.First(count), cancellation).ConfigureAwait(false);
        return new RemoteRange(count, size, result.Details.ETag.ToString());
    }

    public async Task<ObjectInfo> GetInfoAsync(string name, CancellationToken cancellation)
    {
        var info = await Blob(name).GetPropertiesAsync(cancellationToken: cancellation).ConfigureAwait(false);
        return new ObjectInfo(info.Value.ContentLength, info.Value.LastModified) { Version = info.Value.ETag.ToString() };
    }

    public async Task<RemotePage> ListAsync(string prefix, bool recursive, string? continuation, CancellationToken cancellation)
    {
        var pages = _container
            .GetBlobsByHierarchyAsync(new GetBlobsByHierarchyOptions { Prefix = prefix, Delimiter = recursive ? null : "/" }, cancellation)
            .AsPages(continuation, NamesOfPage);
        await foreach (var page in pages.ConfigureAwait(false))
        {
            List<(string Name, ObjectInfo Info)> objects = [];
            List<string> folders = [];
            foreach (var item in page.Values)
            {
                if (item.IsPrefix) folders.Add(item.Prefix);
                else objects.Add((item.Blob.Name, new ObjectInfo(
                    item.Blob.Properties.ContentLength ?? 0, item.Blob.Properties.LastModified ?? DateTimeOffset.UnixEpoch)));
            }

            return new RemotePage(objects, folders, page.ContinuationToken is { Length: > 0 } next ? next : null);
        }

        return new RemotePage([], [], null);
    }

    public async Task DeleteAsync(string name, CancellationToken cancellation) =>
        await Blob(name).DeleteAsync(DeleteSnapshotsOption.IncludeSnapshots, cancellationToken: cancellation).ConfigureAwait(false);

    public RemoteFault Classify(Exception exception, out TimeSpan retryAfter)
    {
        retryAfter = default;
        return exception switch
        {
            RequestFailedException { Status: not 0 } e => RemoteBody.Classify((System.Net.HttpStatusCode)e.Status),
            RequestFailedException or HttpRequestException => RemoteFault.Transient,
            _ => RemoteFault.Unknown,
        };
    }

    // Of one upload alone: two at once of one name must not mix their blocks.
    private string NextUpload()
    {
        lock (_random) return _random.NextInt64().ToString("x16", CultureInfo.InvariantCulture);
    }

    private BlockBlobClient Blob(string name) => _container.GetBlockBlobClient(name);

    private static BlobContainerClient Open(
        AzureOptions options, HttpClientTransport transport, HttpClientTransport machine, TimeProvider time)
    {
        var account = options.EndpointSuffix.Contains("://", StringComparison.Ordinal)
            ? options.EndpointSuffix.TrimEnd('/')
            : $"https://{options.AccountName}.{options.EndpointSuffix}";
        var container = new Uri($"{account}/{options.Container}");
        var client = new BlobClientOptions { Transport = transport };
        // Attempts, deadlines and back-off are RemoteAttempts', the same for all stores.
        client.Retry.MaxRetries = 0;
        client.Retry.NetworkTimeout = Timeout.InfiniteTimeSpan;
        client.Diagnostics.IsTelemetryEnabled = false;
        if (options.SasToken.Length > 0)
            return new BlobContainerClient(container, new AzureSasCredential(options.SasToken.TrimStart('?')), client);
        if (options.AccountKey.Length > 0)
            return new BlobContainerClient(container, new StorageSharedKeyCredential(options.AccountName, options.AccountKey), client);
        return new BlobContainerClient(
            container, new AzureIdentity(options, options.UseFederatedToken ? transport : machine, time), client);
    }

    // Blocks that are never committed are removed by the service after a week.
    private sealed class AzureUpload(BlockBlobClient blob, string upload) : IRemoteUpload
    {
        private int _parts;

        public async Task PutPartAsync(int number, ReadOnlyMemory<byte> content, CancellationToken cancellation)
        {
            using var body = new ReadOnlyMemoryStream(content);
            await blob.StageBlockAsync(IdOf(number), body, cancellationToken: cancellation).ConfigureAwait(false);
            _parts = Math.Max(_parts, number);
        }

        public Task CompleteAsync(CancellationToken cancellation) =>
            blob.CommitBlockListAsync(Enumerable.Range(1, _parts).Select(IdOf), cancellationToken: cancellation);

        public Task AbortAsync(CancellationToken cancellation) => Task.CompletedTask;

        private string IdOf(int number) =>
            Convert.ToBase64String(Encoding.ASCII.GetBytes(upload + number.ToString("D6", CultureInfo.InvariantCulture)));
    }
}
