using System.Net;
using System.Net.Sockets;
using Tempo.Host.Config;
using Xunit;

namespace Tempo.Host.Tests.Config;

public class ValueTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1_000", 1000)]
    [InlineData("0xB", 11)]
    [InlineData("64MiB", 64 << 20)]
    [InlineData("500 MB", 500_000_000)]
    [InlineData("7b", 7)]
    public void ByteSizes(string text, long expected)
    {
        Assert.True(ByteSize.TryParse(text, out var bytes));
        Assert.Equal(expected, bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("1.5MiB")]
    [InlineData("MiB")]
    [InlineData("1MiBs")]
    [InlineData("9223372036854775808")]
    [InlineData("9999999999GiB")]
    [InlineData("0xffffffffffffffff")]
    public void BadByteSizes(string text) => Assert.False(ByteSize.TryParse(text, out _));

    [Theory]
    [InlineData("127.0.0.1:4317", "127.0.0.1", 4317)]
    [InlineData(":0", "", 0)]
    [InlineData("[::1]:80", "::1", 80)]
    [InlineData("localhost:1", "localhost", 1)]
    [InlineData("tempo:4317", "tempo", 4317)]
    [InlineData("tempo-0.tempo_headless.ns.svc.:4317", "tempo-0.tempo_headless.ns.svc.", 4317)]
    public void Addresses(string text, string host, int port)
    {
        Assert.True(ListenAddress.TryParse(text, out var address));
        Assert.Equal(new ListenAddress(host, port), address);
    }

    [Theory]
    [InlineData("")]
    [InlineData("4317")]
    [InlineData("1.2.3.4:")]
    [InlineData("1.2.3.4:65536")]
    [InlineData("1.2.3.4:+1")]
    [InlineData("::1:80")]
    [InlineData("1.2.3.999:80")]
    [InlineData("a..b:80")]
    [InlineData("http://tempo:80")]
    [InlineData("${POD_IP}:80")]
    public void BadAddresses(string text) => Assert.False(ListenAddress.TryParse(text, out _));

    // Tempo's examples listen on the name of their container, which its resolver knows.
    [Fact]
    public void ANameIsLookedUpWhenItIsListenedOn()
    {
        // Not the name that is known without asking, but the machine knows it.
        var name = new ListenAddress("LOCALHOST", 5);
        Assert.True(name.IsWellFormed);
        Assert.True(IPAddress.IsLoopback(name.Resolve().Address));
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, 5), new ListenAddress("localhost", 5).Resolve());
        Assert.Throws<SocketException>(() => new ListenAddress("no-such-host.invalid", 5).Resolve());
    }

    [Theory]
    [InlineData("a ${A} b", "a 1 b")]
    [InlineData("${NONE}", "")]
    [InlineData("${NONE:-x y}${EMPTY:=z}${EMPTY-w}${NONE-v}", "x yzv")]
    [InlineData("$$ $A ${A:-2}", "$ $A 1")]
    [InlineData("${NESTED}", "${A}")]
    public void EnvironmentIsExpandedOnce(string text, string expected) =>
        Assert.Equal(expected, EnvironmentExpansion.Expand(
            "f", text, name => name switch { "A" => "1", "EMPTY" => "", "NESTED" => "${A}", _ => null }));

    [Theory]
    [InlineData("a\nb ${A", "f: line 2: ${ without }")]
    [InlineData("\n\n${A!b}", "f: line 3: bad variable \"A\"")]
    [InlineData("${}", "f: line 1: bad variable \"\"")]
    [InlineData("${1}", "f: line 1: bad variable \"1\"")]
    public void BadExpansionsNameTheLine(string text, string expected) =>
        Assert.Equal(expected, Assert.Throws<ConfigException>(() => EnvironmentExpansion.Expand("f", text, _ => null)).Message);

    [Fact]
    public void ExpansionIsLimited() => Assert.Contains("longer than", Assert.Throws<ConfigException>(() =>
        EnvironmentExpansion.Expand("f", string.Concat(Enumerable.Repeat("${A}", 100)), _ => new string('x', 1 << 20))).Message,
            StringComparison.Ordinal);
}
