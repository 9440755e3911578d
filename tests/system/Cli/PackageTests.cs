using System.Runtime.Versioning;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Cli;

/// <summary>The Debian package: what is in it, and that its configuration and its unit are such that the binary would start.</summary>
[SupportedOSPlatform("linux")]
public sealed class PackageTests : IDisposable
{
    private const string Analyze = "/usr/bin/systemd-analyze";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("tempo-package-");

    [Fact]
    public async Task It_has_the_binary_and_a_configuration_that_the_binary_takes()
    {
        var root = await InstallAsync();
        Assert.Equal(await File.ReadAllBytesAsync(Repository.Binary), await File.ReadAllBytesAsync(Path.Combine(root, "usr/bin/tempo")));
        var verified =
            await ProgramRun.ToEndAsync(Repository.Binary, [$"-config.file={root}/etc/tempo/config.yml", "-config.verify=true"], Limit);
        Assert.True(verified.ExitCode == 0, verified.Everything);
        var mode = File.GetUnixFileMode(Path.Combine(root, "etc/tempo/config.yml"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead, mode); // secrets of a bucket may stand there
    }

    [Fact]
    public async Task The_same_binary_makes_the_same_package()
    {
        var (one, two) = (await BuildAsync("1"), await BuildAsync("2"));
        Assert.Equal(await File.ReadAllBytesAsync(one), await File.ReadAllBytesAsync(two));
    }

    [Fact]
    public async Task Systemd_takes_its_unit()
    {
        Assert.SkipUnless(File.Exists(Analyze), "no systemd-analyze on this machine");
        var root = await InstallAsync();
        // What every system has and the unit names.
        foreach (var unit in new[] { "network-online.target", "multi-user.target", "sysinit.target", "basic.target", "shutdown.target" })
            await File.WriteAllTextAsync(Path.Combine(root, "lib/systemd/system", unit), "[Unit]\n");
        var checkedUnit = await ProgramRun.ToEndAsync(Analyze, ["verify", $"--root={root}", "--man=no", "tempo.service"], Limit);
        Assert.True(checkedUnit is { ExitCode: 0, Everything: "" }, checkedUnit.Everything);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private async Task<string> BuildAsync(string folder)
    {
        var built = await ProgramRun.ToEndAsync("sh",
            [Path.Combine(Repository.Root, "native-host/Packaging/deb.sh"), Repository.Binary, Path.Combine(_folder.FullName, folder),
                "none"], Limit);
        Assert.True(built.ExitCode == 0, built.Everything);
        return built.Output.Trim();
    }

    private async Task<string> InstallAsync()
    {
        var root = Path.Combine(_folder.FullName, "root");
        var unpacked = await ProgramRun.ToEndAsync("dpkg-deb", ["-x", await BuildAsync("deb"), root], Limit);
        Assert.True(unpacked.ExitCode == 0, unpacked.Everything);
        return root;
    }
}
