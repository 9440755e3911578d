using Tempo.Engine.ObjectStore.Tests.Stub;
using Tempo.Testing;

namespace Tempo.Engine.ObjectStore.Tests;

/// <summary>The contract over a service, with parts small enough that the contract's own objects need several.</summary>
public abstract class RemoteContract : ObjectStoreContract, IDisposable
{
    // Half of the first is on its way in the buffers of two sockets.
    private const long MostOfAnAnswer = 64 << 20, FarTooMuch = 512 << 20;

    protected const int PartSizeBytes = 5 << 20;
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-remote-").FullName;

    protected override string Scratch => _folder;

    private protected abstract ServiceStub Service { get; }

    /// <summary>A store that asks once, whatever comes of it.</summary>
    private protected abstract RemoteObjectStore OpenOnce();

    internal static RemoteOptions Quick { get; } =
        new() { FirstDelay = TimeSpan.FromMilliseconds(1), LongestDelay = TimeSpan.FromMilliseconds(5), PartSizeBytes = PartSizeBytes };

    public virtual void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task ALargeObjectGoesInParts()
    {
        var content = new byte[2 * PartSizeBytes + 12_345];
        new Random(7).NextBytes(content);
        await Store.PutAsync(Key("t/large"), new MemoryStream(content), content.Length);
        Assert.Equal(content, await Store.TryGetAsync(Key("t/large"), int.MaxValue));
        await Store.PutAsync(Key("t/large2"), content);
        Assert.Equal(content, await Store.TryGetAsync(Key("t/large2"), int.MaxValue));
    }

    [Theory] // a listing, an error, the bytes of an object, a confirmation
    [InlineData("list", 200)]
    [InlineData("list", 500)]
    [InlineData("range", 206)]
    [InlineData("put", 200)]
    [InlineData("info", 404)]
    public async Task OfAnAnswerThatIsFarTooLongLittleIsRead(string operation, int status)
    {
        using var store = OpenOnce();
        Service.Faults = (_, _) => new() { Status = status, BlanksInstead = FarTooMuch };
        try
        {
            await (operation switch
            {
                "list" =>
                    store.ListAsync(ObjectKey.Root, ListScope.Recursive).GetAsyncEnumerator(TestContext.Current.CancellationToken)
                        .MoveNextAsync().AsTask(),
                "range" => store.GetRangeAsync(Key("a"), 0, new byte[1000]).AsTask(),
                "put" => store.PutAsync(Key("a"), Text("x")).AsTask(),
                _ => store.TryGetAsync(Key("a"), 1000).AsTask(),
            });
        }
        catch (ObjectStoreException)
        {
            // Or not: what an answer says may be known from its head.
        }

        Assert.InRange(Service.BlankBytes, 0, MostOfAnAnswer);
    }

    [Fact]
    public async Task ALargeStreamThatEndsEarlyStoresNothing()
    {
        await Assert.ThrowsAsync<ObjectStoreException>(
            async () => await Store.PutAsync(Key("t/large"), new MemoryStream(new byte[PartSizeBytes + 10]), PartSizeBytes + 11));
        Assert.Empty(await List(ObjectKey.Root, ListScope.Recursive));
    }
}

/// <summary>S3, with the AWS SDK against a stub.</summary>
public sealed class S3ObjectStoreTests : RemoteContract
{
    private readonly S3Stub _stub = new();
    private readonly RemoteObjectStore _store;

    private protected override ServiceStub Service => _stub;

    private protected override RemoteObjectStore OpenOnce() =>
        Open(Quick with { MaxAttempts = 1, AttemptTimeout = TimeSpan.FromMinutes(10) });

    public S3ObjectStoreTests() => _store = Open(Quick);

    protected override IObjectStore Store => _store;

    public override void Dispose()
    {
        _store.Dispose();
        _stub.Dispose();
        base.Dispose();
    }

    [Fact]
    public async Task ThePrefixIsInFrontOfEveryName()
    {
        await Store.PutAsync(Key("t/a"), Text("x"));
        Assert.Equal(["some/prefix/t/a"], _stub.Objects.Keys);
    }

    [Fact]
    public async Task ClassEncryptionAndTagsAreSent()
    {
        using var store = RemoteObjectStore.OpenS3(
            Options() with
            {
                StorageClass = "STANDARD_IA",
                SseType = "SSE-KMS",
                SseKmsKeyId = "key-1",
                Tags = new Dictionary<string, string> { ["team"] = "a b" }
            }, Quick, TimeProvider.System, new Random(1));
        await store.PutAsync(Key("a"), Text("x"));
        Assert.Equal("STANDARD_IA", _stub.LatestPutHeaders["x-amz-storage-class"]);
        Assert.Equal("aws:kms", _stub.LatestPutHeaders["x-amz-server-side-encryption"]);
        Assert.Equal("key-1", _stub.LatestPutHeaders["x-amz-server-side-encryption-aws-kms-key-id"]);
        Assert.Equal("team=a%20b", _stub.LatestPutHeaders["x-amz-tagging"]);
    }

    [Fact]
    public async Task ASessionTokenIsSent()
    {
        using var store =
            RemoteObjectStore.OpenS3(Options() with { SessionToken = "of a session" }, Quick, TimeProvider.System, new Random(1));
        await store.PutAsync(Key("a"), Text("x"));
        Assert.Equal("of a session", _stub.LatestPutHeaders["x-amz-security-token"]);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(429)]
    public async Task TransientAnswersAreAskedAgain(int status)
    {
        _stub.Faults = (number, _) => number < 3 ? new() { Status = status } : null;
        await Store.PutAsync(Key("a"), Text("x"));
        Assert.Equal("x", await Read("a"));
    }

    [Fact]
    public async Task AnEndlessFaultEndsAfterTheAttempts()
    {
        _stub.Faults = (_, _) => new() { Status = 500 };
        var error = await Assert.ThrowsAsync<ObjectStoreException>(async () => await Store.PutAsync(Key("a"), Text("x")));
        Assert.Equal(ObjectStoreError.Failed, error.Error);
        Assert.Equal(Quick.MaxAttempts, _stub.RequestCount);
    }

    [Fact]
    public async Task ADenialIsNotAskedAgain()
    {
        _stub.Faults = (_, _) => new() { Status = 403 };
        var error = await Assert.ThrowsAsync<ObjectStoreException>(async () => await Store.PutAsync(Key("a"), Text("x")));
        Assert.Equal(ObjectStoreError.AccessDenied, error.Error);
        Assert.Equal(1, _stub.RequestCount);
    }

    [Fact] // "truncated body with right Content-Length"
    public async Task ATruncatedBodyIsNeverTaken()
    {
        await Store.PutAsync(Key("a"), new byte[1000]);
        _stub.Faults = (number, request) => request.HttpMethod == "GET" && number % 2 == 1 ? new() { TruncateTo = 500 } : null;
        for (var i = 0; i < 20; i++)
        {
            var buffer = Enumerable.Repeat((byte)1, 1000).ToArray();
            Assert.Equal(1000, await Store.GetRangeAsync(Key("a"), 0, buffer));
            Assert.All(buffer, static b => Assert.Equal(0, b));
        }
    }

    [Fact]
    public async Task AConditionalPutWhoseAnswerWasLostIsWon()
    {
        _stub.Faults = (number, _) => number == 0 ? new() { DropAnswer = true } : null;
        Assert.True(await Store.TryPutIfAbsentAsync(Key("a"), Text("mine")));
        Assert.False(await Store.TryPutIfAbsentAsync(Key("a"), Text("mine")));
    }

    [Fact]
    public async Task AReplacementWhoseAnswerWasLostIsWon()
    {
        await Store.PutAsync(Key("a"), Text("old"));
        var lost = 0;
        _stub.Faults = (_, request) => request.HttpMethod == "PUT" && lost++ == 0 ? new() { DropAnswer = true } : null;
        Assert.True(await Store.TryReplaceAsync(Key("a"), Text("old"), Text("mine")));
        Assert.Equal("mine", await Read("a"));
        Assert.False(await Store.TryReplaceAsync(Key("a"), Text("old"), Text("mine")));
    }

    [Fact]
    public async Task AnAnswerThatDoesNotComeIsAskedForAgain()
    {
        await Store.PutAsync(Key("a"), Text("x"));
        var never = new TaskCompletionSource();
        using var impatient = Open(Quick with { AttemptTimeout = TimeSpan.FromMilliseconds(200) });
        var first = true;
        _stub.Faults = (_, _) => first && !(first = false) ? new() { Hang = never.Task } : null;
        Assert.Equal("x"u8.ToArray(), await impatient.TryGetAsync(Key("a"), 100));
        never.SetResult();
    }

    [Fact]
    public async Task ASlowReadIsHedged()
    {
        await Store.PutAsync(Key("a"), Text("hedged"));
        var never = new TaskCompletionSource();
        using var eager = Open(Quick with { HedgeAfter = TimeSpan.FromMilliseconds(20), MaxAttempts = 1 });
        var first = true;
        _stub.Faults = (_, _) => first && !(first = false) ? new() { Hang = never.Task } : null;
        var buffer = new byte[6];
        Assert.Equal(6, await eager.GetRangeAsync(Key("a"), 0, buffer));
        Assert.Equal("hedged"u8.ToArray(), buffer);
        never.SetResult();
    }

    [Fact]
    public async Task RepetitionsStayWithinTheBudget()
    {
        using var store = Open(Quick with { RetryBurst = 5, RetryShare = 0.1, BreakAfterFailures = int.MaxValue });
        _stub.Faults = (_, _) => new() { Status = 500 };
        for (var i = 0; i < 100; i++) await Assert.ThrowsAsync<ObjectStoreException>(async () => await store.PutAsync(Key("a"), Text("x")));
        Assert.Equal(105, _stub.RequestCount);
    }

    [Fact]
    public async Task AServiceThatAnswersNothingIsGivenARest()
    {
        using var store = Open(Quick with { MaxAttempts = 1, BreakAfterFailures = 3, BreakFor = TimeSpan.FromHours(1) });
        _stub.Faults = (_, _) => new() { Status = 500 };
        for (var i = 0; i < 10; i++) await Assert.ThrowsAsync<ObjectStoreException>(async () => await store.PutAsync(Key("a"), Text("x")));
        Assert.Equal(3, _stub.RequestCount);
    }

    [Theory]
    [InlineData(403)]
    [InlineData(400)]
    public async Task ARefusalEndsTheRest(int status)
    {
        var clock = new SteppedTime(0);
        using var store = await OpenBrokenAsync(clock);
        clock.Advance(TimeSpan.FromHours(2));
        _stub.Faults = (_, _) => new() { Status = status };
        await Assert.ThrowsAsync<ObjectStoreException>(async () => await store.PutAsync(Key("a"), Text("x")));
        _stub.Faults = null;
        await store.PutAsync(Key("a"), Text("x"));
    }

    [Fact]
    public async Task AfterTheRestACancelledRequestLeavesItsPlaceToTheNext()
    {
        var clock = new SteppedTime(0);
        using var store = await OpenBrokenAsync(clock);
        clock.Advance(TimeSpan.FromHours(2));
        using var caller = new CancellationTokenSource();
        var never = new TaskCompletionSource();
        _stub.Faults = (_, _) =>
        {
            caller.CancelAfter(0);
            return new() { Hang = never.Task };
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await store.PutAsync(Key("a"), Text("x"), caller.Token));
        _stub.Faults = null;
        await store.PutAsync(Key("a"), Text("x"));
        never.SetResult();
    }

    [Fact]
    public async Task AnUploadThatFailsIsAborted()
    {
        _stub.Faults = (_, request) => request.QueryString["partNumber"] == "2" ? new() { Status = 500 } : null;
        await Assert.ThrowsAsync<ObjectStoreException>(async () => await Store.PutAsync(Key("a"), new byte[PartSizeBytes + 1]));
        Assert.Equal(0, _stub.OpenUploads);
        Assert.Empty(_stub.Objects);
    }

    private S3Options Options() =>
        new()
        {
            Bucket = "bucket",
            Prefix = "some/prefix",
            Endpoint = _stub.Url,
            AccessKey = "id",
            SecretKey = "secret",
            ForcePathStyle = true,
            PartSizeBytes = PartSizeBytes
        };

    private RemoteObjectStore Open(RemoteOptions options, TimeProvider? time = null) =>
        RemoteObjectStore.OpenS3(Options(), options, time ?? TimeProvider.System, new Random(1));

    private async Task<RemoteObjectStore> OpenBrokenAsync(SteppedTime clock)
    {
        var store = Open(Quick with { MaxAttempts = 1, BreakAfterFailures = 1, BreakFor = TimeSpan.FromHours(1) }, clock);
        _stub.Faults = (_, _) => new() { Status = 500 };
        await Assert.ThrowsAsync<ObjectStoreException>(async () => await store.PutAsync(Key("a"), Text("x")));
        return store;
    }
}

/// <summary>Google Cloud Storage's JSON API against a stub.</summary>
public sealed class GcsObjectStoreTests : RemoteContract
{
    private readonly GcsStub _stub = new();
    private readonly RemoteObjectStore _store;

    public GcsObjectStoreTests() => _store = Open(Quick);

    private protected override ServiceStub Service => _stub;

    private protected override RemoteObjectStore OpenOnce() =>
        Open(Quick with { MaxAttempts = 1, AttemptTimeout = TimeSpan.FromMinutes(10) });

    protected override IObjectStore Store => _store;

    public override void Dispose()
    {
        _store.Dispose();
        _stub.Dispose();
        base.Dispose();
    }

    [Fact]
    public async Task APartWhoseAnswerWasLostIsSentAgain()
    {
        var dropped = false;
        _stub.Faults = (_, request) => request.Url!.AbsolutePath.StartsWith("/session/", StringComparison.Ordinal) && !dropped
            && (dropped = true) ? new() { DropAnswer = true } : null;
        var content = new byte[2 * PartSizeBytes + 1];
        new Random(3).NextBytes(content);
        await Store.PutAsync(Key("a"), content);
        Assert.True(dropped);
        Assert.Equal(content, await Store.TryGetAsync(Key("a"), int.MaxValue));
    }

    private RemoteObjectStore Open(RemoteOptions options) =>
        RemoteObjectStore.OpenGcs(new GcsOptions { Bucket = "bucket", Endpoint = _stub.Url, ChunkBytes = PartSizeBytes }, options,
            TimeProvider.System, new Random(1));
}
