using Tempo.Engine.Node;
using Tempo.Engine.Storage.Wal;
using Tempo.Host.Cli;
using Tempo.Host.Config;
using Xunit;

namespace Tempo.Host.Tests.Cli;

public class CommandLineTests
{
    private static HostOptions Parse(params string[] arguments)
    {
        Assert.True(CommandLine.TryParse(arguments, out var command, out var error), error);
        var options = new HostOptions();
        command.ApplyTo(options);
        return options;
    }

    private static string Error(params string[] arguments)
    {
        Assert.False(CommandLine.TryParse(arguments, out _, out var error));
        return error;
    }

    [Fact]
    public void TakesBothDashesAndBothFormsOfAValue()
    {
        var o = Parse("-server.http-listen-port=1", "--http-api-prefix", "/p", "-multitenancy.enabled", "-wal.sync", "os");
        Assert.Equal((1, "/p", true, WalSyncMode.Os), (o.HttpListenPort, o.HttpApiPrefix, o.MultitenancyEnabled, o.Node.WalSync));
    }

    [Fact]
    public void OurOwnFlags()
    {
        var o = Parse("-storage.path=/d", "-distributor.otlp.grpc-endpoint=:1", "-distributor.otlp.http-endpoint=127.0.0.1:2");
        Assert.Equal(("/d/wal", "/d/blocks", ":1", "127.0.0.1:2"),
            (o.Node.WalPath, o.Node.BlocksPath, o.Receivers.OtlpGrpc!.Listen.ToString(), o.Receivers.OtlpHttp!.Listen.ToString()));
    }

    [Fact]
    public void ASwitchTakesAWordOnlyIfItIsTrueOrFalse()
    {
        Assert.False(Parse("-multitenancy.enabled", "false").MultitenancyEnabled);
        Assert.True(CommandLine.TryParse(["-config.verify", "-config.file", "f", "-config.expand-env=true"], out var command, out _));
        Assert.Equal((Verb.VerifyConfig, "f", true), (command.Verb, command.ConfigFile, command.ExpandEnvironment));
    }

    [Theory]
    [InlineData("-version", Verb.Version)]
    [InlineData("--help", Verb.Help)]
    [InlineData("-h", Verb.Help)]
    [InlineData("-health", Verb.Health)]
    [InlineData("-health=false", Verb.Run)]
    public void Verbs(string argument, Verb expected)
    {
        Assert.True(CommandLine.TryParse([argument], out var command, out _));
        Assert.Equal(expected, command.Verb);
    }

    [Fact]
    public void RefusesWhatGoRefuses()
    {
        Assert.Equal("flag provided but not defined: -foo", Error("-foo"));
        Assert.Equal("flag provided but not defined: -foo", Error("--foo=1"));
        Assert.Equal("flag needs an argument: -config.file", Error("-config.file"));
        Assert.Equal("unexpected argument \"run\"", Error("run"));
        Assert.Equal("unexpected argument \"-\"", Error("-"));
        Assert.StartsWith("invalid value \"x\" for flag -server.http-listen-port: cannot unmarshal", Error("-server.http-listen-port=x"),
            StringComparison.Ordinal);
        Assert.StartsWith("invalid value \"maybe\" for flag -version: ", Error("-version=maybe"), StringComparison.Ordinal);
    }

    [Fact]
    public void FlagsWithoutEffectAreRemembered()
    {
        Assert.True(CommandLine.TryParse(["-enable-go-runtime-metrics"], out var command, out _));
        Assert.Equal(["enable-go-runtime-metrics"], command.WithoutEffect);
    }

    [Fact]
    public void UsageNamesEveryFlagOfOurs() => Assert.All(
        ["-storage.path", "-distributor.otlp.grpc-endpoint", "-distributor.otlp.http-endpoint", "-config.file"],
        flag => Assert.Contains($"  {flag}\n", CliFlags.Usage(), StringComparison.Ordinal));
}
