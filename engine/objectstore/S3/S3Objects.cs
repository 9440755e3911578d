using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace Tempo.Engine.ObjectStore;

/// <summary>S3's part of <see cref="IRemoteObjects"/>, over the AWS SDK.</summary>
internal sealed class S3Objects(S3Options options) : IRemoteObjects
{
    private const int PageKeys = 1000;
    private readonly AmazonS3Client _client = S3Client.Create(options);

    public void Dispose() => _client.Dispose();

    public async Task PutAsync(string name, ReadOnlyMemory<byte> content, PutCondition condition, CancellationToken cancellation)
    {
        using var body = new ReadOnlyMemoryStream(content);
        var request = new PutObjectRequest
        {
            BucketName = options.Bucket,
            Key = name,
            InputStream = body,
            AutoCloseStream = false,
            UseChunkEncoding = false
        };
        if (condition.OnlyIfAbsent) request.IfNoneMatch = "*";
        if (condition.Version is not null) request.IfMatch = condition.Version;
        if (options.StorageClass.Length > 0) request.StorageClass = S3StorageClass.FindValue(options.StorageClass);
        if (options.SseType.Length > 0) request.ServerSideEncryptionMethod = Encryption;
        if (options.SseKmsKeyId.Length > 0) request.ServerSideEncryptionKeyManagementServiceKeyId = options.SseKmsKeyId;
        if (options.Tags.Count > 0) request.TagSet = Tags();
        await _client.PutObjectAsync(request, cancellation).ConfigureAwait(false);
    }

    public async Task<IRemoteUpload> BeginUploadAsync(string name, CancellationToken cancellation)
    {
        var request = new InitiateMultipartUploadRequest { BucketName = options.Bucket, Key = name };
        if (options.StorageClass.Length > 0) request.StorageClass = S3StorageClass.FindValue(options.StorageClass);
        if (options.SseType.Length > 0) request.ServerSideEncryptionMethod = Encryption;
        if (options.SseKmsKeyId.Length > 0) request.ServerSideEncryptionKeyManagementServiceKeyId = options.SseKmsKeyId;
        if (options.Tags.Count > 0) request.TagSet = Tags();
        var begun = await _client.InitiateMultipartUploadAsync(request, cancellation).ConfigureAwait(false);
        return new S3Upload(_client, options.Bucket, name, begun.UploadId);
    }

    public async Task<RemoteRange> GetRangeAsync(string name, long offset, ReadTarget destination, CancellationToken cancellation)
    {
        var request = new GetObjectRequest
        {
            BucketName = options.Bucket,
            Key = name,
            ByteRange = new ByteRange(offset, offset + destination.Length - 1)
        };
        using var response = await _client.GetObjectAsync(request, cancellation).ConfigureAwait(false);
        var (size, count) = RemoteBody.Announced(response.ContentRange, response.ContentLength, offset, destination.Length);
        await RemoteBody.ReadAsync(response.ResponseStream, destination.First(count), cancellation).ConfigureAwait(false);
        return new RemoteRange(count, size, response.ETag ?? "");
    }

    public async Task<ObjectInfo> GetInfoAsync(string name, CancellationToken cancellation)
    {
        var info = await _client.GetObjectMetadataAsync(
            new GetObjectMetadataRequest { BucketName = options.Bucket, Key = name }, cancellation).ConfigureAwait(false);
        return new ObjectInfo(info.ContentLength, Time(info.LastModified)) { Version = info.ETag ?? "" };
    }

    public async Task<RemotePage> ListAsync(string prefix, bool recursive, string? continuation, CancellationToken cancellation)
    {
        var request = new ListObjectsV2Request
        {
            BucketName = options.Bucket,
            Prefix = prefix,
            Delimiter = recursive ? null : "/",
            ContinuationToken = continuation,
            MaxKeys = PageKeys
        };
        var page = await _client.ListObjectsV2Async(request, cancellation).ConfigureAwait(false);
        List<(string Name, ObjectInfo Info)> objects = [];
        foreach (var entry in page.S3Objects ?? []) objects.Add((entry.Key, new ObjectInfo(entry.Size ?? 0, Time(entry.LastModified))));
        return new RemotePage(objects, page.CommonPrefixes ?? [], page.IsTruncated == true ? page.NextContinuationToken : null);
    }

    public Task DeleteAsync(string name, CancellationToken cancellation) =>
        _client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = options.Bucket, Key = name }, cancellation);

    public RemoteFault Classify(Exception exception, out TimeSpan retryAfter)
    {
        retryAfter = default;
        // Without a status the service said nothing that the client understood.
        return exception switch
        {
            AmazonServiceException { ErrorCode: "SlowDown" or "Throttling" or "RequestLimitExceeded" } => RemoteFault.Throttled,
            // Another conditional put of the same name is under way: who wins is seen at the next attempt.
            AmazonServiceException { ErrorCode: "ConditionalRequestConflict" } => RemoteFault.Transient,
            AmazonServiceException { StatusCode: not 0 } e => RemoteBody.Classify(e.StatusCode),
            AmazonServiceException or AmazonClientException => RemoteFault.Transient,
            HttpRequestException or System.Net.Sockets.SocketException => RemoteFault.Transient,
            _ => RemoteFault.Unknown,
        };
    }

    // S3 gives times of whole seconds in listings and headers alike.
    private static DateTimeOffset Time(DateTime? time) =>
        time is { } t ? new DateTimeOffset(t.ToUniversalTime()) : DateTimeOffset.UnixEpoch;

    private ServerSideEncryptionMethod Encryption =>
        options.SseType == "SSE-KMS" ? ServerSideEncryptionMethod.AWSKMS : ServerSideEncryptionMethod.AES256;

    private List<Tag> Tags() => [.. options.Tags.Select(static tag => new Tag { Key = tag.Key, Value = tag.Value })];

    private sealed class S3Upload(AmazonS3Client client, string bucket, string name, string id) : IRemoteUpload
    {
        private readonly SortedDictionary<int, string> _etags = [];

        public async Task PutPartAsync(int number, ReadOnlyMemory<byte> content, CancellationToken cancellation)
        {
            using var body = new ReadOnlyMemoryStream(content);
            var request = new UploadPartRequest
            {
                BucketName = bucket,
                Key = name,
                UploadId = id,
                PartNumber = number,
                InputStream = body,
                PartSize = content.Length,
                UseChunkEncoding = false
            };
            var part = await client.UploadPartAsync(request, cancellation).ConfigureAwait(false);
            _etags[number] = part.ETag;
        }

        public Task CompleteAsync(CancellationToken cancellation) => client.CompleteMultipartUploadAsync(
            new CompleteMultipartUploadRequest
            {
                BucketName = bucket,
                Key = name,
                UploadId = id,
                PartETags = [.. _etags.Select(static part => new PartETag(part.Key, part.Value))]
            }, cancellation);

        public Task AbortAsync(CancellationToken cancellation) =>
            client.AbortMultipartUploadAsync(
                new AbortMultipartUploadRequest { BucketName = bucket, Key = name, UploadId = id }, cancellation);
    }
}
