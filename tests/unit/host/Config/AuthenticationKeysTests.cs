using Xunit;
using Tempo.Host.Config;

namespace Tempo.Host.Tests.Config;

/// <summary>What would be open although it looks closed is no configuration.</summary>
public sealed class AuthenticationKeysTests
{
    private const string Asks = "authentication: {bearer_tokens: [a-token]}\n";
    private const string Ring = "ring: {members: [{id: a, address: '127.0.0.1:9095'}]}\n";

    [Theory]
    [InlineData(Asks + Ring)]
    [InlineData(Asks + "ingester: {lifecycler: {ring: {kvstore: {store: etcd, etcd: {endpoints: ['127.0.0.1:2379']}}}}}\n")]
    [InlineData(Asks + Ring + "server: {grpc_tls_config: {cert_file: c, key_file: k}}\n")]
    [InlineData(Asks + Ring + "server: {grpc_tls_config: {cert_file: c, key_file: k, client_ca_file: r, client_auth_type: VerifyClientCertIfGiven}}\n")]
    public void A_ring_that_asks_for_credentials_needs_a_secret_between_its_nodes(string yaml) =>
        Assert.Contains("ring.peer_secret", Assert.Throws<ConfigException>(() => Check(yaml)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(Ring)]
    [InlineData(Asks)]
    [InlineData(Asks + "ring: {peer_secret: s, members: [{id: a, address: '127.0.0.1:9095'}]}\n")]
    [InlineData(Asks + Ring + "server: {grpc_tls_config: {cert_file: c, key_file: k, client_ca_file: r}}\n")]
    [InlineData(Asks + Ring + "server: {grpc_tls_config: {cert_file: c, key_file: k, client_ca_file: r, client_auth_type: RequireAndVerifyClientCert}}\n")]
    public void Others_start(string yaml) => Check(yaml);

    private static void Check(string yaml)
    {
        var options = new HostOptions();
        ConfigFile.Apply("test.yaml", yaml, options);
        AuthenticationKeys.Check(options);
    }
}
