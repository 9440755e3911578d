using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;
using Tempo.Host.Config;
using Tempo.Host.Startup;
using Tempo.Ring;
using Tempo.Ring.Membership;
using Xunit;

namespace Tempo.Host.Tests.Config;

/// <summary>Members of a ring that the configuration names: who they are and what they do.</summary>
public sealed class RingMembersTests
{
    private const string Members = "ring: {members: [{id: a, address: 'h:1', zone: z}, {id: b, address: 'h:2', target: ingester}, {id: c, address: 'h:3', target: query-frontend}, {id: d, address: 'h:4', target: distributor}]}\n";
    private const string Store = "storage: {trace: {backend: s3, s3: {bucket: b, endpoint: 's:1', access_key: k, secret_key: s}}}\n";

    [Fact]
    public void Each_has_the_roles_of_its_target()
    {
        var (ring, log) = Start("a", "all");
        Assert.Equal(
            [("a", "z", MemberRoles.All), ("b", "", MemberRoles.Holder), ("c", "", MemberRoles.Querier), ("d", "", MemberRoles.Receiver)],
            ring.StaticMembers.Select(static member => (member.Id, member.Zone, member.Roles)));
        Assert.Equal("", log);
    }

    [Theory]
    [InlineData("a", "scalable-single-binary", "")]
    [InlineData("c", "querier", "")]
    [InlineData("e", "querier", "")]
    [InlineData("a", "ingester", "id=a target=ingester named=all")]
    [InlineData("c", "compactor", "id=c target=compactor named=query-frontend")]
    public void Another_target_than_the_own_one_is_told(string id, string target, string told)
    {
        var (_, log) = Start(id, target);
        Assert.Contains(told, log, StringComparison.Ordinal);
        Assert.Equal(told.Length > 0, log.Length > 0);
    }

    [Theory]
    [InlineData("{id: a, address: 'h:1', target: x}", "member a: target: unknown value \"x\"")]
    [InlineData("{id: a, address: 'h:1', target: block-builder}", "member a: target: block-builder: ")]
    [InlineData("{id: a, address: 'h:1', target: metrics-generator}", "member a: target: metrics-generator is a process beside the ring")]
    [InlineData("{id: a, address: 'h:1', role: x}", "field role not found in a member; id, address, zone, target are known")]
    public void What_is_no_member_of_a_ring_is_refused(string member, string message) =>
        Assert.Contains(message, Assert.Throws<ConfigException>(
            () => ConfigFile.Apply("t.yaml", $"ring: {{members: [{member}]}}", new HostOptions())).Message, StringComparison.Ordinal);

    /// <summary><c>-config.verify</c> asks this, too: a file that it finds sound starts.</summary>
    [Theory]
    [InlineData("target: querier", "target querier is a part of a ring, and none is configured")]
    [InlineData("ingester: {lifecycler: {ring: {replication_factor: 3}}}", "replication_factor 3 needs a ring")]
    [InlineData("ring: {members: [{id: a, address: 'h:1'}]}", "a ring needs an object service")]
    [InlineData("ingester: {lifecycler: {ring: {kvstore: {store: etcd}}}}\n" + Store, "kvstore.etcd.endpoints is missing")]
    [InlineData("ingester: {lifecycler: {id: x}}\n" + Members + Store, "ring.members does not name this node: x")]
    public void What_does_not_fit_together_is_known_before_anything_is_started(string yaml, string message) =>
        Assert.Contains(message, Assert.Throws<ConfigException>(() => RingStart.Check(Options(yaml))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("target: all")]
    [InlineData("target: metrics-generator")] // outside of any ring
    [InlineData(Members + Store)] // the machine's name, and this is another one
    [InlineData("target: querier\ningester: {lifecycler: {id: x}}\n" + Members + Store)]
    public void What_fits_is_not_refused(string yaml) => RingStart.Check(Options(yaml));

    private static HostOptions Options(string yaml)
    {
        var options = new HostOptions();
        ConfigFile.Apply("t.yaml", yaml, options);
        options.Node = options.Node with { Remote = StorageKeys.Resolve(options) };
        return options;
    }

    private static (RingOptions Ring, string Log) Start(string id, string target)
    {
        var options = Options($"target: {target}\ningester: {{lifecycler: {{id: {id}, address: h}}}}\n{Members}{Store}");
        using var lines = new MemoryStream();
        var ring =
            RingStart.OptionsOf(options, new TenantOverrides(), new Log(lines, LogFormat.Logfmt, LogLevel.Info, TimeProvider.System));
        return (ring!, Encoding.UTF8.GetString(lines.ToArray()));
    }
}
