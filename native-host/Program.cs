using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Host.Cli;
using Tempo.Host.Cli.Tool;
using Tempo.Host.Config;
using Tempo.Host.Startup;
using Tempo.Host.Vulture;

namespace Tempo.Host;

/// <summary>Command line → configuration → server. Exit codes: 0 done, 1 could not start, 2 wrong command line.</summary>
internal static class Program
{
    private const int CannotStart = 1;
    private const int WrongCommandLine = 2;

    private static int Main(string[] arguments)
    {
        if (arguments is ["vulture", ..]) return VultureProgram.Run(arguments.AsSpan(1), Console.Out, Console.Error);
        if (arguments is ["failpoints"])
        {
            Console.Out.Write(FailpointStart.Describe());
            return 0;
        }

        if (ToolProgram.IsVerb(arguments)) return ToolProgram.Run(arguments, Console.Out, Console.Error);
        if (!CommandLine.TryParse(arguments, out var command, out var error))
            return Fail($"{error}\nRun with -help to get a list of available parameters", WrongCommandLine);
        switch (command.Verb)
        {
            case Verb.Help:
                Console.Out.Write(CliFlags.Usage() + ToolProgram.Usage() + VultureOptions.Usage);
                return 0;
            case Verb.Version:
                Console.Out.Write(BuildInfo.Describe());
                return 0;
            case Verb.Health:
                return HealthCheck.Run(command.HealthUrl);
        }

        try
        {
            var options = new HostOptions { ExpandEnvironment = command.ExpandEnvironment };
            List<string> warnings = command.ConfigFile.Length == 0
                ? []
                : ConfigFile.Load(command.ConfigFile, command.ExpandEnvironment, options);
            command.ApplyTo(options);
            options.Node = options.Node with { Remote = StorageKeys.Resolve(options) };
            AuthenticationKeys.Check(options);
            RingStart.Check(options);
            warnings.AddRange(TlsKeys.Settle(options));
            warnings.AddRange(command.WithoutEffect.Select(static flag => $"flag -{flag} has no effect"));
            if (command.Verb != Verb.VerifyConfig) return Run(options, warnings, command.AreFailpointsAllowed);
            foreach (var warning in warnings) Console.Error.WriteLine(warning);
            return warnings.Count == 0 ? 0 : CannotStart;
        }
        catch (ConfigException e)
        {
            return Fail($"failed parsing config: {e.Message}", CannotStart);
        }
        catch (Exception e) when (e is NodeStartException or ListenException)
        {
            return Fail($"error running Tempo: {e.Message}", CannotStart);
        }
    }

    private static int Run(HostOptions options, List<string> warnings, bool areFailpointsAllowed)
    {
        HeapPolicy.Apply();
        FileLimit.Raise();
        var log = new Log(Console.OpenStandardError(), options.LogFormat, options.LogLevel, TimeProvider.System);
        if (warnings.Count > 0) log.Warn("-- CONFIGURATION WARNINGS --", ("count", warnings.Count));
        foreach (var warning in warnings) log.Warn(warning);
        foreach (var wrong in (string?[])[KernelChoice.Warning, LevelKernel.Warning])
            if (wrong is not null) log.Error("an environment variable names a kernel that is not used", ("err", wrong));
        if (!FailpointStart.TryApply(areFailpointsAllowed, Environment.GetEnvironmentVariable(FailpointStart.Variable), log, out var error))
            return Fail(error, CannotStart);
        var lifecycle = new Lifecycle();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        var running = GeneratorServer.Targets.Contains(options.Target)
            ? GeneratorServer.RunAsync(options, lifecycle, log, TimeProvider.System)
            : TempoServer.RunAsync(options, lifecycle, log, TimeProvider.System);
        running.GetAwaiter().GetResult();
        return 0;

        // Taking the signal each time makes a second one as harmless as the first.
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            lifecycle.RequestStop();
        }
    }

    private static int Fail(string text, int exitCode)
    {
        Console.Error.WriteLine(text);
        return exitCode;
    }
}
