using System.Globalization;
using System.Text;
using Tempo.Engine.ObjectStore.Tests.Stub;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Stores;

/// <summary>
/// How the binary gets into a store without keys in its configuration: what the clouds' own libraries in it, compiled natively, ask of the
/// services that know who it is, and what they then bring to the store. The services are stubs that answer as their documentation says;
/// where they are is said by what the clouds' own libraries honour, and by nothing else.
/// </summary>
public sealed class IdentityTests : IDisposable
{
    private const string Account = "account", Tenant = "11111111-2222-3333-4444-555555555555",
        Client = "66666666-7777-8888-9999-000000000000";
    private const string Assertion = "who the workload is", Canary = "canary-token";
    private readonly string _tokenFile = Path.GetTempFileName();
    private readonly TestCertificates _certificates = new();
    private readonly S3Stub _s3 = new();
    private int _tokens;

    public IdentityTests()
    {
        File.WriteAllText(_tokenFile, Assertion);
        _certificates.WriteServer("stub");
    }

    public void Dispose()
    {
        _s3.Dispose();
        _certificates.Dispose();
        File.Delete(_tokenFile);
    }

    [Fact]
    public async Task Amazon_exchanges_a_web_identity_for_a_session_of_its_role()
    {
        await using var sts = await StubService.StartAsync(static _ => $"""
            <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>
            <AccessKeyId>ASIASESSION</AccessKeyId><SecretAccessKey>{Canary}</SecretAccessKey><SessionToken>of the role</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
            </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>
            """);
        await using var tempo = await StartAsync(
            S3, ("AWS_WEB_IDENTITY_TOKEN_FILE", _tokenFile), ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/tempo"),
            ("AWS_ROLE_SESSION_NAME", "tempo"), ("AWS_REGION", "eu-central-1"), ("AWS_ENDPOINT_URL_STS", sts.Url));
        await UploadAsync(tempo, () => !_s3.Objects.IsEmpty);
        Assert.Equal("of the role", _s3.LatestPutHeaders["x-amz-security-token"]);
        Assert.Contains("ASIASESSION", _s3.LatestPutHeaders["Authorization"], StringComparison.Ordinal);
        var asked = Assert.Single(sts.Requests);
        Assert.Contains("WebIdentityToken=who%20the%20workload%20is", asked.Body, StringComparison.Ordinal);
        Assert.Contains("role%2Ftempo", asked.Body, StringComparison.Ordinal);
        SaysNoSecret(tempo);
    }

    [Fact]
    public async Task Amazons_machine_is_asked_for_its_role_with_a_session_token()
    {
        await using var machine = await StubService.StartAsync(AmazonsMachine);
        await using var tempo = await StartAsync(S3, ("AWS_EC2_METADATA_SERVICE_ENDPOINT", machine.Url), ("AWS_REGION", "eu-central-1"));
        await UploadAsync(tempo, () => !_s3.Objects.IsEmpty);
        Assert.Equal("of the machine", _s3.LatestPutHeaders["x-amz-security-token"]);
        Assert.Contains("ASIAMACHINE", _s3.LatestPutHeaders["Authorization"], StringComparison.Ordinal);
        Assert.All(machine.Requests.Where(static asked => asked.Method == "PUT"),
            static asked => Assert.NotEqual("", asked["x-aws-ec2-metadata-token-ttl-seconds"]));
        Assert.All(machine.Requests.Where(static asked => asked.Method == "GET"),
            static asked => Assert.Equal("session of the metadata service", asked["x-aws-ec2-metadata-token"]));
        var (asked, uploaded) = (machine.Requests.Count, _s3.Objects.Count);
        await UploadAsync(tempo, () => _s3.Objects.Count > uploaded);
        Assert.Equal(asked, machine.Requests.Count);
        SaysNoSecret(tempo);
    }

    [Fact]
    public async Task Amazons_container_is_asked_with_the_token_of_its_file()
    {
        await using var agent = await StubService.StartAsync(
            static _ =>
                $$"""{"AccessKeyId":"ASIAPOD","SecretAccessKey":"{{Canary}}","Token":"of the pod","Expiration":"2099-01-01T00:00:00Z"}""");
        await using var tempo = await StartAsync(S3, ("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.Url + "/v1/credentials"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", _tokenFile), ("AWS_REGION", "eu-central-1"));
        await UploadAsync(tempo, () => !_s3.Objects.IsEmpty);
        Assert.Equal("of the pod", _s3.LatestPutHeaders["x-amz-security-token"]);
        var asked = Assert.Single(agent.Requests);
        Assert.Equal(("/v1/credentials", Assertion), (asked.Path, asked["Authorization"]));
        SaysNoSecret(tempo);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData(Client, "&client_id=" + Client)]
    public async Task Azures_machine_is_asked_for_a_token_of_its_identity(string identity, string query)
    {
        await using var machine = await MachineAsync(seconds: 24 * 3600);
        await using var blobs = await BlobsAsync();
        await using var tempo = await StartAsync(Azure(blobs, $"use_managed_identity: true, user_assigned_id: \"{identity}\""),
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.Url));
        await UploadAsync(tempo, () =>
            blobs.Requests.Any(static asked => asked.Method == "PUT" && asked.Path.Contains("meta.json", StringComparison.Ordinal)));
        var asked = Assert.Single(machine.Requests,
            static asked =>
                asked["Metadata"] == "true" && asked.Path.StartsWith("/metadata/identity/oauth2/token?", StringComparison.Ordinal));
        Assert.Equal("GET", asked.Method);
        Assert.Contains("resource=https://storage.azure.com", Uri.UnescapeDataString(asked.Path), StringComparison.Ordinal);
        Assert.Equal(query.Length > 0, asked.Path.Contains("client_id", StringComparison.Ordinal));
        Assert.Contains(query, asked.Path, StringComparison.Ordinal);
        Assert.All(blobs.Requests, static blob => Assert.Equal($"Bearer {Canary}-1", blob["Authorization"]));
        SaysNoSecret(tempo);
    }

    [Fact]
    public async Task Azures_token_is_renewed_before_it_ends()
    {
        await using var machine = await MachineAsync(seconds: 60);
        await using var blobs = await BlobsAsync();
        await using var tempo =
            await StartAsync(Azure(blobs, "use_managed_identity: true"), ("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.Url));
        await Eventually.HoldsAsync(
            "a second token is used", () => blobs.Requests.Any(static asked => asked["Authorization"] == $"Bearer {Canary}-2"));
    }

    [Fact]
    public async Task Azure_exchanges_a_federated_token_for_one_of_its_workload()
    {
        await using var authority = await AuthorityAsync();
        await using var blobs = await BlobsAsync();
        await using var tempo = await StartAsync(Azure(blobs, "use_federated_token: true"), Workload(authority));
        await UploadAsync(tempo, () =>
            blobs.Requests.Any(static asked => asked.Method == "PUT" && asked.Path.Contains("meta.json", StringComparison.Ordinal)));
        var asked = Assert.Single(authority.Requests, static asked => asked.Method == "POST");
        Assert.Equal($"/{Tenant}/oauth2/v2.0/token", asked.Path.Split('?')[0]);
        var form = asked.Body.Split('&').Select(static field => field.Split('='))
            .ToDictionary(static field => field[0], static field => Uri.UnescapeDataString(field[1].Replace('+', ' ')));
        Assert.Equal((Assertion, Client, "client_credentials"), (form["client_assertion"], form["client_id"], form["grant_type"]));
        Assert.Equal(("urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "https://storage.azure.com/.default"),
            (form["client_assertion_type"], form["scope"]));
        Assert.All(blobs.Requests, static blob => Assert.Equal($"Bearer {Canary}-1", blob["Authorization"]));
        SaysNoSecret(tempo);
    }

    [Fact]
    public async Task Googles_machine_is_asked_for_a_token_of_its_account()
    {
        await using var machine = await StubService.StartAsync(
            asked => asked["Metadata-Flavor"] == "Google" && asked.Path == "/computeMetadata/v1/instance/service-accounts/default/token"
                ? NextToken(asked, 3600)
                : null);
        await using var bucket = await BucketAsync();
        await using var tempo = await StartAsync(Google(bucket), ("GCE_METADATA_HOST", machine.Authority), ("HTTP_PROXY", bucket.Url));
        await UploadAsync(tempo, () =>
            bucket.Requests.Any(static asked => asked.Method == "POST" && asked.Path.Contains("meta.json", StringComparison.Ordinal)));
        Assert.Single(machine.Requests);
        Assert.All(bucket.Requests, static asked => Assert.Equal($"Bearer {Canary}-1", asked["Authorization"]));
        SaysNoSecret(tempo);
    }

    [Theory]
    [InlineData("s3", "no credentials of AWS: ")]
    [InlineData("azure", "managed identity of this machine: ")]
    [InlineData("gcs", "/computeMetadata/v1/instance/service-accounts/default/token answered 404 Not Found")]
    public async Task A_node_that_cannot_say_who_it_is_starts_says_so_and_goes_on_when_it_can(string cloud, string says)
    {
        var isThere = false;
        await using var machine = await StubService.StartAsync(
            asked => Volatile.Read(ref isThere) || asked["Metadata"] == ""
                && cloud == "azure" ? cloud switch
                {
                    "s3" => AmazonsMachine(asked),
                    "azure" => AzuresMachine(asked, 24 * 3600),
                    _ => NextToken(asked, 3600)
                }
                        : cloud == "azure" ? new StubService.Answer(
                            400, """{"error":"invalid_request","error_description":"Identity not found"}""")
                        : null);
        await using var store = await (cloud == "gcs" ? BucketAsync() : BlobsAsync());
        await using var tempo = await StartAsync(
            cloud switch { "s3" => S3, "azure" => Azure(store, "use_managed_identity: true"), _ => Google(store) },
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", machine.Url), ("AWS_REGION", "eu-central-1"),
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.Url), ("GCE_METADATA_HOST", machine.Authority));
        await Eventually.HoldsAsync("it is said what is missing",
            async () => (await tempo.Api.AskAsync("/status/services")).Text.Contains(says, StringComparison.Ordinal));
        Assert.Empty(store.Requests);
        Assert.Empty(_s3.Objects);
        Volatile.Write(ref isThere, true);
        await UploadAsync(tempo, () => cloud == "s3"
            ? !_s3.Objects.IsEmpty
            : store.Requests.Any(
                static asked => asked.Method is "PUT" or "POST" && asked.Path.Contains("meta.json", StringComparison.Ordinal)));
        SaysNoSecret(tempo);
    }

    [Fact]
    public async Task What_a_token_service_answers_that_is_no_token_is_not_shown()
    {
        // also without the header, as no metadata service does
        await using var machine = await StubService.StartAsync(asked => NextToken(asked, seconds: 24 * 3600));
        await using var blobs = await BlobsAsync();
        await using var tempo =
            await StartAsync(Azure(blobs, "use_managed_identity: true"), ("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.Url));
        await Eventually.HoldsAsync("it is said what is wrong",
            async () => (await tempo.Api.AskAsync("/status/services")).Text.Contains(
                "managed identity of this machine: ", StringComparison.Ordinal));
        Assert.DoesNotContain(Canary, (await tempo.Api.AskAsync("/status/services")).Text, StringComparison.Ordinal);
        SaysNoSecret(tempo);
    }

    [Fact]
    public async Task A_workload_without_its_variables_is_told_which()
    {
        await using var blobs = await BlobsAsync();
        await using var tempo = await StartAsync(Azure(blobs, "use_federated_token: true"), ("AZURE_CLIENT_ID", Client));
        await Eventually.HoldsAsync("it is said what is missing",
            async () => (await tempo.Api.AskAsync("/status/services")).Text.Contains(
                "workload identity: not set in the environment: AZURE_FEDERATED_TOKEN_FILE, AZURE_TENANT_ID", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_shared_access_signature_is_part_of_every_address()
    {
        await using var blobs = await StubService.StartAsync(static _ => null);
        await using var tempo = await StartAsync(
            $"    backend: azure\n    azure: {{container_name: c, storage_account_name: {Account}, endpoint_suffix: \"{blobs.Url}/{Account}\", sas_token: \"?sv=2024-11-04&sig=canary\"}}\n");
        await Eventually.HoldsAsync("the store is asked", () => !blobs.Requests.IsEmpty);
        Assert.All(blobs.Requests, static asked => Assert.Contains("sig=canary", asked.Path, StringComparison.Ordinal));
        Assert.All(blobs.Requests, static asked => Assert.Equal("", asked["Authorization"]));
    }

    private string S3 =>
        $"    backend: s3\n    s3: {{bucket: b, endpoint: {new Uri(_s3.Url).Authority}, insecure: true, forcepathstyle: true, region: eu-central-1}}\n";

    private static string Azure(StubService blobs, string how) =>
        $"    backend: azure\n    azure: {{container_name: c, storage_account_name: {Account}, endpoint_suffix: \"{blobs.Url}/{Account}\", {how}}}\n    blocklist_poll: 1s\n";

    private static string Google(StubService bucket) =>
        $"    backend: gcs\n    gcs: {{bucket_name: b, endpoint: {bucket.Url}/storage/v1/}}\n";

    private (string, string)[] Workload(StubService authority) =>
        [("AZURE_FEDERATED_TOKEN_FILE", _tokenFile), ("AZURE_AUTHORITY_HOST", authority.Url + "/"), ("AZURE_TENANT_ID", Tenant),
            ("AZURE_CLIENT_ID", Client)];

    // The wire of a container that is empty and takes everything.
    private Task<StubService> BlobsAsync() =>
        StubService.StartAsync(static asked => asked.Method switch
        {
            "PUT" => new StubService.Answer(201, ""),
            "GET" when asked.Path.Contains("comp=list", StringComparison.Ordinal) =>
                "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ContainerName=\"c\"><Blobs /><NextMarker /></EnumerationResults>",
            _ => null,
        }, _certificates);

    // The wire of Azure's metadata service: without the header, which no browser sends for another site, nothing is told.
    private Task<StubService> MachineAsync(int seconds) => StubService.StartAsync(asked => AzuresMachine(asked, seconds));

    private StubService.Answer? AzuresMachine(StubService.Asked asked, int seconds) => asked["Metadata"] != "true"
        ? new StubService.Answer(400, """{"error":"invalid_request","error_description":"Required metadata header not specified"}""")
        : asked.Path.StartsWith("/metadata/identity/oauth2/token?", StringComparison.Ordinal) ? NextToken(asked, seconds)
        : asked.Path.StartsWith("/metadata/instance/compute?", StringComparison.Ordinal) ? """{"location":"westeurope"}""" : null;

    // The wire of Amazon's: a session first, by PUT, then the name of the role and its credentials.
    private static StubService.Answer? AmazonsMachine(StubService.Asked asked) => (asked.Method, asked.Path.TrimEnd('/')) switch
    {
        ("PUT", "/latest/api/token") => "session of the metadata service",
        ("GET", "/latest/meta-data/iam/security-credentials") => "tempo-role",
        ("GET", "/latest/meta-data/iam/security-credentials/tempo-role") =>
            $$"""{"Code":"Success","LastUpdated":"2026-11-29T12:00:00Z","Type":"AWS-HMAC","AccessKeyId":"ASIAMACHINE","SecretAccessKey":"{{Canary}}","Token":"of the machine","Expiration":"2099-01-01T00:00:00Z"}""",
        _ => null,
    };

    // The wire of a bucket of Google's that is empty and takes everything.
    private Task<StubService> BucketAsync() => StubService.StartAsync(static asked => asked.Method switch
    {
        "POST" => "{}",
        "GET" when asked.Path.StartsWith("/storage/v1/b/b/o?", StringComparison.Ordinal) => "{}",
        _ => null,
    }, _certificates);

    // The wire of login.microsoftonline.com, as far as it is asked.
    private async Task<StubService> AuthorityAsync()
    {
        StubService? service = null;
        service = await StubService.StartAsync(asked => asked.Path.Split('?')[0] switch
        {
            "/common/discovery/instance" =>
                $$"""{"tenant_discovery_endpoint":"{{service!.Url}}/{{Tenant}}/v2.0/.well-known/openid-configuration","api-version":"1.1","metadata":[]}""",
            $"/{Tenant}/v2.0/.well-known/openid-configuration" =>
                $$"""{"token_endpoint":"{{service!.Url}}/{{Tenant}}/oauth2/v2.0/token","authorization_endpoint":"{{service.Url}}/{{Tenant}}/oauth2/v2.0/authorize","issuer":"{{service.Url}}/{{Tenant}}/v2.0"}""",
            $"/{Tenant}/oauth2/v2.0/token" => NextToken(asked, seconds: 24 * 3600),
            _ => null,
        }, _certificates);
        return service;
    }

    private string NextToken(StubService.Asked asked, int seconds) => string.Create(
        CultureInfo.InvariantCulture, $$"""{"access_token":"{{Canary}}-{{Interlocked.Increment(ref _tokens)}}","expires_in":{{seconds}},"expires_on":"{{DateTimeOffset.UtcNow.AddSeconds(seconds).ToUnixTimeSeconds()}}","resource":"https://storage.azure.com","token_type":"Bearer"}""");

    private static void SaysNoSecret(TempoProcess tempo)
    {
        Assert.DoesNotContain(Canary, tempo.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(Assertion, tempo.Log, StringComparison.Ordinal);
    }

    private static async Task UploadAsync(TempoProcess tempo, Func<bool> isThere)
    {
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(Spans.NewTrace(3)))).Status);
        await tempo.Api.FlushAsync();
        await Eventually.HoldsAsync("a block is in the store", isThere);
    }

    private async Task<TempoProcess> StartAsync(string storage, params (string Name, string Value)[] variables)
    {
        var tempo = TempoProcess.Prepare(new TempoSettings { Storage = storage });
        tempo.Flags = ["-log.level=debug"];
        tempo.Variables["SSL_CERT_FILE"] = _certificates.RootFile;
        foreach (var (name, value) in variables) tempo.Variables[name] = value;
        await tempo.StartAsync();
        return tempo;
    }
}
