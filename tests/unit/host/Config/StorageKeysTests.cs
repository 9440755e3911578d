using Tempo.Host.Config;
using Xunit;

namespace Tempo.Host.Tests.Config;

public sealed class StorageKeysTests
{
    [Fact]
    public void AnS3BucketIsResolvedFromTemposKeys()
    {
        var o = Options("""
            storage:
              trace:
                backend: s3
                blocklist_poll: 10s
                listing_delay: 20s
                s3:
                  bucket: traces
                  prefix: a/b
                  endpoint: minio:9000
                  access_key: id
                  secret_key: canary
                  insecure: true
                  forcepathstyle: true
                  part_size: 1
                  hedge_requests_at: 500ms
                  sse: {type: SSE-KMS, kms_key_id: k}
                  tags: {team: x}
            """);
        var remote = StorageKeys.Resolve(o)!;
        var s3 = remote.S3!;
        Assert.Equal(("traces", "a/b", "minio:9000", "id", "canary", true, true, 5 << 20, "SSE-KMS", "k"),
            (s3.Bucket, s3.Prefix, s3.Endpoint, s3.AccessKey, s3.SecretKey, s3.IsInsecure, s3.ForcePathStyle, s3.PartSizeBytes, s3.SseType,
                s3.SseKmsKeyId));
        Assert.Equal("x", s3.Tags["team"]);
        Assert.Equal((TimeSpan.FromSeconds(10), TimeSpan.FromMilliseconds(500)), (remote.BlocklistPoll, remote.Requests.HedgeAfter));
        Assert.Equal(TimeSpan.FromSeconds(20), remote.ListingDelay);
        Assert.DoesNotContain("canary", EffectiveConfig.Render(o), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("s3", "storage.trace.s3.bucket is missing")]
    [InlineData("azure", "storage.trace.azure.container_name is missing")]
    [InlineData("gcs", "storage.trace.gcs.bucket_name is missing")]
    public void AServiceWithoutAPlaceIsRefused(string backend, string expected) =>
        Assert.Contains(expected, Assert.Throws<ConfigException>(
            () => StorageKeys.Resolve(Options($"storage: {{trace: {{backend: {backend}}}}}"))).Message, StringComparison.Ordinal);

    [Fact]
    public void TheLocalFolderIsNoService() => Assert.Null(StorageKeys.Resolve(Options("storage: {trace: {s3: {bucket: unused}}}")));

    private static HostOptions Options(string yaml)
    {
        var options = new HostOptions();
        ConfigFile.Apply("t.yaml", yaml, options);
        return options;
    }
}
