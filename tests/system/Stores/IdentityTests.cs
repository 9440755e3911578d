using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using Tempo.Engine.ObjectStore.Tests.Stub;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Stores;

/// <summary>
/// How the binary gets into a store without keys in its configuration: what the clouds' own libraries in it, compiled natively, ask of the services that
/// know who it is, and what they then bring to the store. The services are stubs that answer as their documentation says.
/// </summary>
public sealed class IdentityTests : IDisposable
{
    private const string Account = "account";
    private readonly string _tokenFile = Path.GetTempFileName();
    private readonly S3Stub _s3 = new();

    public IdentityTests() => File.WriteAllText(_tokenFile, "who the workload is");

    public void Dispose()
    {
        _s3.Dispose();
        File.Delete(_tokenFile);
    }

    [Fact]
    public async Task A_web_identity_is_exchanged_for_a_session_of_its_role()
    {
        using var sts = new Service(static _ => $"""
            <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>
            <AccessKeyId>ASIASESSION</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>of the role</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
            </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>
            """);
        await using var tempo = await StartAsync(
            $"    backend: s3\n    s3: {{bucket: b, endpoint: {new Uri(_s3.Url).Authority}, insecure: true, forcepathstyle: true, region: eu-central-1}}\n",
            ("AWS_WEB_IDENTITY_TOKEN_FILE", _tokenFile), ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/tempo"), ("AWS_ROLE_SESSION_NAME", "tempo"), ("AWS_REGION", "eu-central-1"), ("AWS_ENDPOINT_URL_STS", sts.Url));
        await UploadAsync(tempo, () => !_s3.Objects.IsEmpty);
        Assert.Equal("of the role", _s3.LatestPutHeaders["x-amz-security-token"]);
        Assert.Contains("ASIASESSION", _s3.LatestPutHeaders["Authorization"], StringComparison.Ordinal);
        Assert.Contains(sts.Asked, static asked => asked.Body.Contains("WebIdentityToken=who%20the%20workload%20is", StringComparison.Ordinal) && asked.Body.Contains("role%2Ftempo", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_shared_access_signature_is_part_of_every_address()
    {
        using var blobs = new Service(static _ => "");
        await using var tempo = await StartAsync($"    backend: azure\n    azure: {{container_name: c, storage_account_name: {Account}, endpoint_suffix: \"{blobs.Url}/{Account}\", sas_token: \"?sv=2024-11-04&sig=canary\"}}\n");
        await Eventually.HoldsAsync("the store is asked", () => !blobs.Asked.IsEmpty);
        Assert.All(blobs.Asked, static asked => Assert.Contains("sig=canary", asked.Path, StringComparison.Ordinal));
        Assert.All(blobs.Asked, static asked => Assert.Equal("", asked.Authorization));
    }

    private static async Task UploadAsync(TempoProcess tempo, Func<bool> isThere)
    {
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(Spans.NewTrace(3)))).Status);
        await tempo.Api.FlushAsync();
        await Eventually.HoldsAsync("a block is in the store", isThere);
    }

    private static async Task<TempoProcess> StartAsync(string storage, params (string Name, string Value)[] variables)
    {
        var tempo = TempoProcess.Prepare(new TempoSettings { Storage = storage });
        foreach (var (name, value) in variables) tempo.Variables[name] = value;
        await tempo.StartAsync();
        return tempo;
    }

    /// <summary>Answers each request with a text, and notes what was asked.</summary>
    private sealed class Service : IDisposable
    {
        private readonly HttpListener _listener = new();

        public Service(Func<HttpListenerRequest, string> answer)
        {
            Url = $"http://127.0.0.1:{TempoPorts.Free().Api.ToString(CultureInfo.InvariantCulture)}";
            _listener.Prefixes.Add(Url + "/");
            _listener.Start();
            _ = ServeAsync(answer);
        }

        public string Url { get; }

        public ConcurrentQueue<(string Path, string Authorization, string Body)> Asked { get; } = [];

        public void Dispose() => _listener.Close();

        private async Task ServeAsync(Func<HttpListenerRequest, string> answer)
        {
            try
            {
                while (true)
                {
                    var context = await _listener.GetContextAsync();
                    var body = await new StreamReader(context.Request.InputStream).ReadToEndAsync();
                    Asked.Enqueue((context.Request.RawUrl!, context.Request.Headers["Authorization"] ?? "", body));
                    var bytes = Encoding.UTF8.GetBytes(answer(context.Request));
                    if (bytes.Length == 0) context.Response.StatusCode = 404;
                    context.Response.ContentType = "text/xml";
                    context.Response.ContentLength64 = bytes.Length;
                    await context.Response.OutputStream.WriteAsync(bytes);
                    context.Response.Close();
                }
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                // Closed.
            }
        }
    }
}
