using Tempo.Host.Config;
using Tempo.Host.Overrides;
using Xunit;

namespace Tempo.Host.Tests.Config;

/// <summary>Texts that are no YAML and that the parser below would take for less than they are.</summary>
public sealed class YamlReaderTests
{
    // What a power cut leaves of a file: read as its beginning, or as nothing, it would lift every limit.
    [Theory]
    [InlineData("\0", 1, "U+0000")]
    [InlineData("target: all\n\0\0\0\nno: such key", 2, "U+0000")]
    [InlineData("target: all\n# a\u001Bb\n", 2, "U+001B")]
    [InlineData("target: \"\u007F\"", 1, "U+007F")]
    public void ControlCharactersAreNotTheEndOfTheText(string text, int line, string what) =>
        Assert.Equal($"t.yaml: line {line}: control characters are not allowed: {what}", ErrorOf(text));

    [Fact]
    public void OverridesThatAreZerosAreNotNoOverrides()
    {
        var error = Assert.Throws<ConfigException>(() => OverridesFile.Parse("o.yaml", "\0\0\0", false));
        Assert.Contains("control characters", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("storage: {trace: {wal: {path: \"/tmp/a\\0b\"}}}")]
    [InlineData("storage:\n  trace:\n    local: {path: \"\\x00\"}", 3)]
    public void AZeroByAnEscapeIsRefused(string text, int line = 1) =>
        Assert.Equal($"t.yaml: line {line}: a text with U+0000 in it", ErrorOf(text));

    [Fact]
    public void TabsAndLinesOfAllSystemsAreTaken()
    {
        var options = new HostOptions();
        ConfigFile.Apply("t.yaml", "target: all\t# x\r\nserver: {http_listen_port: 1}\r\n", options);
        Assert.Equal(1, options.HttpListenPort);
    }

    [Theory]
    [InlineData("%%", false)]
    [InlineData("a2V5", true)]
    [InlineData("", true)]
    public void AnAzureKeyIsBase64(string key, bool isGood)
    {
        var options = new HostOptions();
        var azure = $"{{container_name: c, storage_account_name: a, storage_account_key: '{key}'}}";
        ConfigFile.Apply("t.yaml", $"storage: {{trace: {{backend: azure, azure: {azure}}}}}", options);
        if (isGood)
        {
            Assert.NotNull(StorageKeys.Resolve(options));
            return;
        }

        var error = Assert.Throws<ConfigException>(() => StorageKeys.Resolve(options));
        Assert.Equal("storage.trace.azure.storage_account_key is not base64", error.Message);
    }

    private static string ErrorOf(string text) =>
        Assert.Throws<ConfigException>(() => ConfigFile.Apply("t.yaml", text, new HostOptions())).Message;
}
